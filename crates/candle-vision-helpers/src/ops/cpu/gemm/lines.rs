//! The product over taps without panels, line by line: where few rows would use a panel again, packing it costs more
//! than it saves, and the pixels are read where they lie.

use super::tile::{Rows, Single, Sum, Tile, Tiles};
use super::{Matrix, Product};
use crate::ops::cpu::parallel;
use crate::ops::cpu::simd::{Kernel, Simd, Vectors};
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;

/// Whether lines of the grid can be read and written in place.
pub(crate) fn can(product: &Product<'_>, vectors: Vectors) -> bool {
    let Product { matrix, grid, .. } = product;
    matches!(matrix, Matrix::Packed(_)) && grid.dst_col == 1 && grid.cols >= 2 * vectors.lanes()
}

/// Computes a product into `dst`.
///
/// # Safety
/// The contract of [`Product`]; these lines [`can`] be read and written with these vectors.
pub(crate) unsafe fn run(product: &Product<'_>, vectors: Vectors, dst: Shared) {
    let Matrix::Packed(packed) = product.matrix else { return };
    let lines = product.grid.images * product.grid.rows;
    // about as much work for a task as a panel's
    let block = (1024 / product.grid.cols).clamp(1, product.grid.rows);
    parallel::for_chunks(lines, block, |from, to| vectors.run(Lines { product, packed, dst, from, to }));
}

struct Lines<'a> {
    product: &'a Product<'a>,
    packed: &'a [f32],
    dst: Shared,
    from: usize,
    to: usize,
}

impl Kernel for Lines<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Product { m, taps, src, ref grid, dst_plane, epilogue, .. } = *self.product;
        let epilogue = epilogue.map(<[f32]>::as_ptr);
        let (wide, depth) = (2 * S::LANES, taps.len());
        let tiles = Tiles::of(m, S::LANES);
        for line in self.from..self.to {
            let (image, row) = (line / grid.rows, line % grid.rows);
            let (from, to) = (
                image * grid.src_image + row * grid.src_row,
                grid.dst_base + image * grid.dst_image + row * grid.dst_row,
            );
            let mut j = 0;
            loop {
                for t in 0..tiles.count {
                    let (m0, m1) = tiles.rows(t);
                    // SAFETY: by the contract of `run`; lines are at least `wide` long.
                    unsafe {
                        let at = to + j + m0 * dst_plane;
                        let epilogue = Epilogue {
                            bias: epilogue.bias.map(|b| b.add(m0)),
                            residual: epilogue.residual.map(|r| r.add(at)),
                            activation: epilogue.activation,
                        };
                        let tile = Tile {
                            height: m1 - m0,
                            depth,
                            a: self.packed.as_ptr().add(m0 * depth),
                            a_row: 1,
                            a_k: m1 - m0,
                            b: Rows::At { base: src.as_ptr().add(from + j), taps: taps.as_ptr() },
                            c: self.dst.ptr().add(at),
                            c_row: dst_plane,
                            sum: Sum::New,
                            epilogue,
                        };
                        tile.run::<S, Single>();
                    }
                }
                if j + wide == grid.cols {
                    break;
                }
                // the last tile of a line may do some pixels again
                j = (j + wide).min(grid.cols - wide);
            }
        }
    }
}

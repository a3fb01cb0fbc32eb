//! A convolution and both its gradients as products over taps (see [`gemm`](super::gemm)): the unfolded matrix exists
//! only as panels of a few kilobytes.

mod input_grad;
mod source;
mod winograd;

pub(crate) use input_grad::input_grad;

use super::blocked::depthwise::TAPS;
use super::correlation::Correlation;
use super::correlation::dots::SLACK;
use super::gemm::pack::Grid;
use super::gemm::tile_matrix::TileMatrix;
use super::gemm::{Matrix, Product, pack_matrix, pairs};
use super::parallel;
use super::plan;
use super::scratch::Scratch;
use super::simd::Vectors;
use super::uncleared::Shared;
use crate::ops::epilogue::Epilogue;
use crate::ops::shapes::{ConvShape, elements};
use candle_core::Result;
use source::{Source, source};
use winograd::Same;

fn out_grid(s: &ConvShape, plane: usize, width: usize, group: usize) -> Grid {
    Grid {
        images: s.b,
        rows: s.oh,
        cols: s.ow,
        src_image: s.c * plane,
        src_row: width,
        dst_image: s.o * s.out_plane(),
        dst_row: s.ow,
        dst_col: 1,
        dst_base: group * (s.o / s.p.groups) * s.out_plane(),
    }
    .merged()
}

/// `y (b, o, oh, ow)` of `x (b, c, h, w)` and `weight (o, c / groups, kh, kw)`, then the epilogue.
///
/// # Safety
/// `y` holds `b o oh ow` floats; the slices have the shape's lengths.
pub(crate) unsafe fn forward(
    vectors: Vectors,
    s: &ConvShape,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue<&[f32]>,
    y: Shared,
) -> Result<()> {
    if plan::with_fewer_products(s, vectors) {
        let same = Same { pictures: s.b, from: s.c, to: s.o, h: s.h, w: s.w };
        let taps = |o, c| std::array::from_fn(|tap| weight[(o * s.c + c) * TAPS + tap]);
        // SAFETY: the caller's contract.
        return unsafe { same.run(vectors, taps, x, epilogue, y) };
    }
    let groups = s.p.groups;
    let Source { planes, taps, plane, width } = source(s, x, false)?;
    let (m, depth) = (s.o / groups, taps.len());
    for g in 0..groups {
        let weight = &weight[g * m * depth..][..m * depth];
        let (copy, tiles);
        let matrix = if let Some(parts) = plan::in_tiles(m, vectors) {
            tiles = TileMatrix::new(m, depth.div_ceil(2), parts, |row, k| {
                let row = &weight[row * depth..][..depth];
                (row[2 * k], row.get(2 * k + 1).copied().unwrap_or(0.0))
            });
            Matrix::Tiles(&tiles)
        } else if plan::in_pairs(m, vectors) {
            copy = pairs::rows(m, depth, weight, vectors);
            Matrix::Rows(&copy.0, copy.1)
        } else if plan::packs(m, s.b * s.out_plane(), vectors) {
            copy = (pack_matrix(m, depth, vectors, |m, k| weight[m * depth + k]), 0);
            Matrix::Packed(&copy.0)
        } else {
            Matrix::Rows(weight, depth)
        };
        let product = Product {
            matrix,
            m,
            taps: &taps,
            src: &planes.data()[g * (s.c / groups) * plane..],
            grid: out_grid(s, plane, width, g),
            dst_plane: s.out_plane(),
            epilogue: Epilogue { bias: epilogue.bias.map(|b| &b[g * m..][..m]), ..epilogue },
        };
        // SAFETY: the taps of every position lie in the planes (see `Axis`), the grid's destinations in `y`.
        unsafe { plan::product(&product, vectors, y) };
    }
    Ok(())
}

/// The gradient of the weights, `(o, c / groups, kh, kw)`.
///
/// # Safety
/// `dw` holds as many floats as the weights; the slices have the shape's lengths.
pub(crate) unsafe fn weight_grad(s: &ConvShape, x: &[f32], dy: &[f32], dw: Shared) -> Result<()> {
    let (groups, vectors) = (s.p.groups, Vectors::in_use());
    let m = s.o / groups;
    let kernel = plan::correlation(m, vectors);
    let Source { planes, taps, plane, width } = source(s, x, kernel.pitched)?;
    for g in 0..groups {
        let src = &planes.data()[g * (s.c / groups) * plane..];
        // SAFETY: as in `forward`; groups write one part of `dw` each.
        unsafe {
            let part = Shared::of(dw.part(g * m * taps.len(), m * taps.len()));
            let grid = out_grid(s, plane, width, g);
            let work = Correlation { a: dy, a_plane: s.out_plane(), m, taps: &taps, src, grid };
            if kernel.pitched {
                // `dy` at the source's pitch, zeros in between: then every plane is one line
                let line = (s.oh * width).next_multiple_of(SLACK);
                let widened = widened(s, dy, g, width, line)?;
                let grid = Grid { rows: 1, cols: line, dst_image: m * line, dst_row: line, dst_base: 0, ..grid };
                kernel.run(&Correlation { a: &widened, a_plane: line, grid, ..work }, vectors, part);
            } else {
                kernel.run(&work, vectors, part);
            }
        }
    }
    Ok(())
}

/// The channels of a group of `dy`, each in one line with zeros between its rows and behind.
fn widened(s: &ConvShape, dy: &[f32], group: usize, width: usize, line: usize) -> Result<Scratch> {
    let m = s.o / s.p.groups;
    let write = |to: Shared| {
        parallel::for_each(s.b * m, |i| {
            let channel = i / m * s.o + group * m + i % m;
            let dy = &dy[channel * s.out_plane()..][..s.out_plane()];
            // SAFETY: one channel per task.
            let to = unsafe { to.part(i * line, line) };
            let (rows, rest) = to.split_at_mut(s.oh * width);
            rest.fill(0.0);
            for (row, dy) in rows.chunks_exact_mut(width).zip(dy.chunks_exact(s.ow)) {
                row[..s.ow].copy_from_slice(dy);
                row[s.ow..].fill(0.0);
            }
        });
    };
    // SAFETY: every line is written.
    unsafe { Scratch::filled(elements("convolution", &[s.b, m, line])?, write) }
}

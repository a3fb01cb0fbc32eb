//! The product over positions by tiles: panels of words as [`pairs`](crate::ops::cpu::correlation::pairs) has them.

use super::{Quad, TileKernel, Unit};
use crate::ops::cpu::correlation::Correlation;
use crate::ops::cpu::correlation::pairs::{Stretch, pack};
use crate::ops::cpu::correlation::panels::{copied_out, for_groups};
use crate::ops::cpu::gemm::DEPTH;
use crate::ops::cpu::gemm::tile_matrix::{Factor, ROWS, SIDE, TileMatrix};
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::simd::bf16::Bf16;
use crate::ops::cpu::simd::products::Parts;
use crate::ops::cpu::simd::products::Products;
use crate::ops::cpu::uncleared::Shared;

/// Computes a product into `c`.
///
/// # Safety
/// The contract of [`Correlation`].
pub(crate) unsafe fn run(work: &Correlation<'_>, vectors: Vectors, c: Shared) {
    let Products::Tiles(parts) = vectors.products() else { return };
    let grid = &work.grid;
    let pixels = grid.rows * grid.cols;
    let each = pixels.div_ceil(2);
    let a = TileMatrix::new(work.m, grid.images * each, parts, |row, word| {
        let (image, first) = (word / each, 2 * (word % each));
        let plane = &work.a[grid.dst_base + image * grid.dst_image + row * work.a_plane..][..pixels];
        (plane[first], plane.get(first + 1).copied().unwrap_or(0.0))
    });
    let m_tiles = work.m.div_ceil(ROWS);
    for_groups(work, vectors, m_tiles, |n, tiles| vectors.run_tiles(Group { work, a: &a, c, n, tiles }));
}

struct Group<'a> {
    work: &'a Correlation<'a>,
    a: &'a TileMatrix,
    c: Shared,
    n: (usize, usize),
    tiles: (usize, usize),
}

impl TileKernel for Group<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16, U: Unit>(self) {
        let Correlation { m, taps, src, ref grid, .. } = *self.work;
        let (l, wide, parts) = (S::LANES, 2 * S::LANES, self.a.parts);
        let n_tiles = (self.n.1 - self.n.0).div_ceil(wide);
        let (first_row, end_row) = (self.tiles.0 * ROWS, self.tiles.1 * ROWS);
        let rows = end_row - first_row;
        let mut sums = Scratch::new(n_tiles * rows * wide);
        // behind the last word of an image the panel has some more, which the next image replaces
        let part = (DEPTH + l) * wide;
        let mut packed = Scratch::new(part * parts as usize);
        let mut stretches = Vec::new();
        let words = grid.images * (grid.rows * grid.cols).div_ceil(2);
        // SAFETY: by the contract of `run`; the scratch buffers are as large as they are indexed.
        unsafe {
            let mut unit = U::start();
            for w0 in (0..words).step_by(DEPTH) {
                let w1 = words.min(w0 + DEPTH);
                let depth = (w1 - w0).next_multiple_of(SIDE);
                stretches.clear();
                Stretch::of(self.work, (w0, w1), l, &mut stretches);
                for tile_n in 0..n_tiles {
                    let n0 = self.n.0 + tile_n * wide;
                    let some = &taps[n0..taps.len().min(n0 + wide)];
                    let high = packed.as_mut_ptr();
                    let low = if parts == Parts::Two { Some(high.add(part)) } else { None };
                    for s in &stretches {
                        let at = s.word * wide;
                        pack::<S>(src.as_ptr(), some, s, high.add(at), low.map(|low| low.add(at)));
                    }
                    // what meets the matrix's zeros must be finite
                    for words in packed.chunks_exact_mut(part) {
                        words[(w1 - w0) * wide..depth * wide].fill(0.0);
                    }
                    let high = packed.as_ptr();
                    let b = Factor { high, low: high.add(part * (parts as usize - 1)), pitch: wide };
                    for row in (first_row..end_row).step_by(ROWS) {
                        let c = sums.as_mut_ptr().add((tile_n * rows + row - first_row) * wide);
                        let a = self.a.at(row, w0);
                        Quad { parts, a, b, depth, c, continued: w0 > 0 }.run(&mut unit);
                    }
                }
            }
            drop(unit);
            copied_out(&sums, rows, first_row..end_row.min(m), self.n, taps.len(), wide, self.c);
        }
    }
}

//! The product over taps by tiles: panels of words as [`pairs`](crate::ops::cpu::gemm::pairs) has them.

use super::{Quad, TileKernel, Unit};
use crate::ops::cpu::activation::activated;
use crate::ops::cpu::gemm::pack::{Run, joined};
use crate::ops::cpu::gemm::tile_matrix::{Factor, ROWS, SIDE, TileMatrix};
use crate::ops::cpu::gemm::{DEPTH, Matrix, Product};
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::simd::bf16::Bf16;
use crate::ops::cpu::simd::products::Parts;
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;

/// Most panels that are packed together.
const PANELS: usize = 4;

/// Computes a product into `dst`.
///
/// # Safety
/// The contract of [`Product`].
pub(crate) unsafe fn run(product: &Product<'_>, vectors: Vectors, dst: Shared) {
    let Matrix::Tiles(matrix) = product.matrix else { return };
    let panels = product.grid.len().div_ceil(2 * vectors.lanes());
    let blocks = parallel::shared_out(panels.div_ceil(PANELS), panels);
    parallel::for_each(blocks, |block| {
        let panels = parallel::part(panels, block, blocks);
        vectors.run_tiles(Block { product, matrix, dst, panels });
    });
}

struct Block<'a> {
    product: &'a Product<'a>,
    matrix: &'a TileMatrix,
    dst: Shared,
    panels: (usize, usize),
}

impl TileKernel for Block<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16, U: Unit>(self) {
        let Self { product: &Product { m, taps, src, ref grid, .. }, matrix, .. } = self;
        let (l, wide) = (S::LANES, 2 * S::LANES);
        let (from, end) = (self.panels.0 * wide, grid.len().min(self.panels.1 * wide));
        let panels = self.panels.1 - self.panels.0;
        let runs: Vec<Run> = (0..2 * panels).map(|h| Run::of(grid, from + h * l, end, l)).collect();
        let rows = m.next_multiple_of(ROWS);
        let depth = taps.len().div_ceil(2).next_multiple_of(SIDE);
        let part = panels * DEPTH.min(depth) * wide;
        let mut packed = Scratch::new(part * matrix.parts as usize);
        let mut sums = Scratch::new(panels * rows * wide);
        // SAFETY: by the contract of `run`; the scratch buffers are as large as they are indexed.
        unsafe {
            let mut unit = U::start();
            for k0 in (0..depth).step_by(DEPTH) {
                let words = DEPTH.min(depth - k0);
                let some = &taps[2 * k0..taps.len().min(2 * (k0 + words))];
                for p in 0..panels {
                    let high = packed.as_mut_ptr().add(p * words * wide);
                    let low = if matrix.parts == Parts::Two { Some(high.add(part)) } else { None };
                    for (h, run) in runs[2 * p..2 * p + 2].iter().enumerate() {
                        let low = low.map(|low| low.add(h * l));
                        pack::<S>(src.as_ptr(), some, run, words, high.add(h * l), low);
                    }
                    let b = Factor { high, low: low.unwrap_or(high), pitch: wide };
                    for row in (0..rows).step_by(ROWS) {
                        let c = sums.as_mut_ptr().add((p * rows + row) * wide);
                        let (a, parts) = (matrix.at(row, k0), matrix.parts);
                        Quad { parts, a, b, depth: words, c, continued: k0 > 0 }.run(&mut unit);
                    }
                }
            }
            drop(unit);
            for (h, run) in runs.iter().enumerate() {
                self.spread(&sums[(h / 2) * rows * wide + (h % 2) * l..], wide, run);
            }
        }
    }
}

impl Block<'_> {
    /// Writes the sums of a run of positions, a row each pitch, to where they belong, behind the epilogue.
    ///
    /// # Safety
    /// The contract of [`Product`].
    unsafe fn spread(&self, sums: &[f32], pitch: usize, run: &Run) {
        let Product { m, dst_plane, epilogue, .. } = *self.product;
        let Epilogue { bias, residual, activation } = epilogue;
        for row in 0..m {
            let bias = bias.map_or(0.0, |b| b[row]);
            for (sum, at) in sums[row * pitch..].iter().zip(&run.dst[..run.count]) {
                let at = row * dst_plane + at;
                let y = sum + bias + residual.map_or(0.0, |r| r[at]);
                // SAFETY: the caller's contract.
                unsafe { self.dst.ptr().add(at).write(activated(activation, y)) };
            }
        }
    }
}

/// One half of a panel: words of two taps each, and what rounding left; zeros up to so many words.
///
/// # Safety
/// The run's positions behind each tap are readable; both targets have room.
#[inline(always)]
unsafe fn pack<S: Bf16>(
    src: *const f32,
    taps: &[usize],
    run: &Run,
    words: usize,
    high: *mut f32,
    low: Option<*mut f32>,
) {
    // SAFETY: the caller's contract.
    unsafe {
        for k in 0..words {
            let (mut first, mut second) = (S::splat(0.0), S::splat(0.0));
            if let Some(&tap) = taps.get(2 * k) {
                first = joined::<S>(src.add(tap), run.pieces());
            }
            if let Some(&tap) = taps.get(2 * k + 1) {
                second = joined::<S>(src.add(tap), run.pieces());
            }
            let at = k * 2 * S::LANES;
            S::store(high.add(at), S::paired(first, second));
            if let Some(low) = low {
                S::store(low.add(at), S::paired(S::left_over(first), S::left_over(second)));
            }
        }
    }
}

//! The product over taps by panels: pixels are gathered into panels of a few kilobytes, and tiles of the matrix pass
//! over them from cache. It serves every shape.

use super::pack::{self, Run};
use super::tile::{Factors, Rows, Single, Sum, Tile, Tiles};
use super::{DEPTH, Matrix, Product};
use crate::ops::cpu::activation::{activated, activated_lanes};
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::{Kernel, Simd, Vectors};
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;

/// Most panels that are packed together, so that a plane is read some cache lines at a time.
const PANELS: usize = 4;
/// Words of a matrix that stay in the second-level cache while panels pass by.
const SMALL_MATRIX: usize = 64 * 1024;

/// Computes a product into `dst`.
///
/// # Safety
/// The contract of [`Product`].
pub(crate) unsafe fn run(product: &Product<'_>, vectors: Vectors, dst: Shared) {
    for_blocks(product, vectors, dst, |block| vectors.run(block));
}

/// Cuts a product into blocks, and runs them over the threads.
pub(super) fn for_blocks<'a>(
    product: &'a Product<'a>,
    vectors: Vectors,
    dst: Shared,
    run: impl Fn(Block<'a>) + Send + Sync,
) {
    let panels = product.grid.len().div_ceil(2 * vectors.lanes());
    let blocks = parallel::shared_out(panels.div_ceil(PANELS), panels);
    let tiles = Tiles::of(product.m, vectors.lanes()).count;
    // Few positions: cut the rows as well, though each part packs the pixels again.
    let parts = parallel::parts(2, blocks, tiles.div_ceil(4));
    parallel::for_each(blocks * parts, |task| {
        let (block, part) = (task / parts, task % parts);
        let (panels, tiles) = (parallel::part(panels, block, blocks), parallel::part(tiles, part, parts));
        run(Block { product, dst, panels, tiles });
    });
}

/// How taps get into the words of panels.
pub(super) trait Packed<S: Simd>: Factors<S> {
    /// Panels `[word][2 vectors of positions]`: panel `p` behind `p` others, filled from runs `2 p` and `2 p + 1`.
    ///
    /// # Safety
    /// As for [`pack::pixels`].
    unsafe fn pixels(src: *const f32, taps: &[usize], runs: &[Run], to: *mut f32);
}

impl<S: Simd> Packed<S> for Single {
    #[inline(always)]
    unsafe fn pixels(src: *const f32, taps: &[usize], runs: &[Run], to: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { pack::pixels::<S>(src, taps, runs, to) }
    }
}

/// Some panels of positions and some tiles of rows.
pub(super) struct Block<'a> {
    product: &'a Product<'a>,
    dst: Shared,
    panels: (usize, usize),
    tiles: (usize, usize),
}

impl Kernel for Block<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's contract.
        unsafe { self.run_with::<S, Single>() }
    }
}

impl Block<'_> {
    /// # Safety
    /// As for [`Kernel::run`]; the matrix is of these factors.
    #[inline(always)]
    pub(super) unsafe fn run_with<S: Simd, F: Packed<S>>(self) {
        let Product { matrix, m, taps, src, ref grid, dst_plane, epilogue } = *self.product;
        let Epilogue { bias, residual, activation } = epilogue.map(<[f32]>::as_ptr);
        let l = S::LANES;
        let (from, end) = (self.panels.0 * 2 * l, grid.len().min(self.panels.1 * 2 * l));
        let panels = self.panels.1 - self.panels.0;
        let mut runs = [Run::NONE; 2 * PANELS];
        for (h, run) in runs.iter_mut().enumerate().take(2 * panels) {
            *run = Run::of(grid, from + h * l, end, l);
        }
        let runs = &runs[..2 * panels];
        let cut = Tiles::of(m, l);
        let first_row = cut.rows(self.tiles.0).0;
        let rows = cut.rows(self.tiles.1 - 1).1 - first_row;
        // Panels whose positions are no neighbors in the destination are summed here and spread at the end.
        let mut aside = Scratch::new(panels * rows * 2 * l);
        let depth = taps.len().div_ceil(F::EACH);
        let mut packed = Scratch::new(panels * 2 * l * DEPTH.min(depth.max(1)));
        let direct = |p: usize| {
            let (a, b) = (&runs[2 * p], &runs[2 * p + 1]);
            a.dst_whole && b.dst_whole && b.dst[0] == a.dst[0] + l
        };
        // SAFETY: by the contract of `run`; `packed` and `aside` are as large as they are indexed.
        unsafe {
            let mut k0 = 0;
            loop {
                let k1 = depth.min(k0 + DEPTH);
                let some = &taps[k0 * F::EACH..taps.len().min(k1 * F::EACH)];
                F::pixels(src.as_ptr(), some, runs, packed.as_mut_ptr());
                let last = k1 == depth;
                // Which stays in the first-level cache: the panel while a small matrix passes by, or a tile of a large
                // one.
                let tiles = self.tiles.1 - self.tiles.0;
                let panel_first = rows * (k1 - k0) <= SMALL_MATRIX;
                for i in 0..panels * tiles {
                    let (p, t) = if panel_first { (i / tiles, i % tiles) } else { (i % panels, i / panels) };
                    let (m0, m1) = cut.rows(self.tiles.0 + t);
                    let height = m1 - m0;
                    let (a, a_row, a_k) = match matrix {
                        Matrix::Rows(a, pitch) => (a.as_ptr().add(m0 * pitch + k0), pitch, 1),
                        Matrix::Packed(a) => (a.as_ptr().add(m0 * depth + k0 * height), 1, height),
                        Matrix::Tiles(_) => return,
                    };
                    let panel = packed.as_ptr().add(p * (k1 - k0) * 2 * l);
                    let mut epilogue = Epilogue::NONE;
                    if last {
                        epilogue.bias = bias.map(|b| b.add(m0));
                        // what is spread at the end gets its residual, and what follows it, there
                        epilogue.activation = activation.when(direct(p) || residual.is_none());
                    }
                    let (c, c_row) = if direct(p) {
                        let at = runs[2 * p].dst[0] + m0 * dst_plane;
                        epilogue.residual = if last { residual.map(|r| r.add(at)) } else { None };
                        (self.dst.ptr().add(at), dst_plane)
                    } else {
                        (aside.as_mut_ptr().add((p * rows + m0 - first_row) * 2 * l), 2 * l)
                    };
                    let sum = if k0 > 0 { Sum::Continued } else { Sum::New };
                    // A closure around this call would not be compiled with the processor's features.
                    Tile { height, depth: k1 - k0, a, a_row, a_k, b: Rows::Panel(panel), c, c_row, sum, epilogue }
                        .run::<S, F>();
                }
                if last {
                    break;
                }
                k0 = k1;
            }
            for p in (0..panels).filter(|&p| !direct(p)) {
                for row in 0..rows {
                    let at = (first_row + row) * dst_plane;
                    let (to, residual) = (self.dst.ptr().add(at), residual.map(|r| r.add(at)));
                    for h in 0..2 {
                        let run = &runs[2 * p + h];
                        let from = aside.as_mut_ptr().add((p * rows + row) * 2 * l + h * l);
                        if run.dst_whole {
                            let at = run.dst[0];
                            let mut y = S::load(from);
                            if let Some(r) = residual {
                                y = activated_lanes::<S>(activation, S::add(y, S::load(r.add(at))));
                            }
                            S::store(to.add(at), y);
                            continue;
                        }
                        for lane in 0..run.count {
                            let (mut y, at) = (*from.add(lane), run.dst[lane]);
                            if let Some(r) = residual {
                                y = activated(activation, y + *r.add(at));
                            }
                            to.add(at).write(y);
                        }
                    }
                }
            }
        }
    }
}

//! The product over positions by panels: taps are gathered position by position, and tiles of `a` pass over them from
//! cache. It serves every shape.

use super::Correlation;
use crate::ops::cpu::gemm::DEPTH;
use crate::ops::cpu::gemm::pack::{self, Run};
use crate::ops::cpu::gemm::tile::{Rows, Single, Sum, Tile, Tiles};
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::{Kernel, Simd, Vectors};
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;
use std::ops::Range;

/// Floats of sums that stay in the second-level cache while the planes of `a` pass by.
const SUMS: usize = 64 * 1024;

/// Computes a product into `c`.
///
/// # Safety
/// The contract of [`Correlation`].
pub(crate) unsafe fn run(work: &Correlation<'_>, vectors: Vectors, c: Shared) {
    let m_tiles = Tiles::of(work.m, vectors.lanes()).count;
    for_groups(work, vectors, m_tiles, |n, tiles| vectors.run(Group { work, c, n, tiles }));
}

/// Cuts the sums into groups, ranges of taps and of so many tiles of rows, and runs them over the threads.
pub(crate) fn for_groups(
    work: &Correlation<'_>,
    vectors: Vectors,
    m_tiles: usize,
    run: impl Fn((usize, usize), (usize, usize)) + Send + Sync,
) {
    let (n, wide) = (work.taps.len(), 2 * vectors.lanes());
    let n_tiles = n.div_ceil(wide);
    // few enough sums for the cache, and work for every thread
    let group = n_tiles.div_ceil(2 * rayon::current_num_threads()).clamp(1, (SUMS / (work.m * wide)).max(1));
    let groups = parallel::shared_out(n_tiles.div_ceil(group), n_tiles);
    let parts = parallel::parts(2, groups, m_tiles.div_ceil(8));
    parallel::for_each(groups * parts, |task| {
        let (n0, n1) = parallel::part(n_tiles, task / parts, groups);
        let tiles = parallel::part(m_tiles, task % parts, parts);
        run((n0 * wide, n.min(n1 * wide)), tiles);
    });
}

struct Group<'a> {
    work: &'a Correlation<'a>,
    c: Shared,
    n: (usize, usize),
    tiles: (usize, usize),
}

impl Kernel for Group<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Correlation { a, a_plane, m, taps, src, ref grid } = *self.work;
        let (l, wide) = (S::LANES, 2 * S::LANES);
        let n_tiles = (self.n.1 - self.n.0).div_ceil(wide);
        let cut = Tiles::of(m, l);
        let first_row = cut.rows(self.tiles.0).0;
        let rows = cut.rows(self.tiles.1 - 1).1 - first_row;
        let mut sums = Scratch::new(n_tiles * rows * wide);
        sums[..n_tiles * rows * wide].fill(0.0);
        let mut packed = Scratch::new(DEPTH * wide);
        let mut runs = Vec::with_capacity(DEPTH / l);
        let pixels = grid.rows * grid.cols;
        // SAFETY: by the contract of `run`; the scratch buffers are as large as they are indexed.
        unsafe {
            for image in 0..grid.images {
                let mut q0 = 0;
                while q0 < pixels {
                    let q1 = pixels.min(q0 + DEPTH);
                    runs.clear();
                    let (from, end) = (image * pixels + q0, image * pixels + q1);
                    runs.extend((from..end).step_by(l).map(|q| Run::of(grid, q, end, l)));
                    let a = a.as_ptr().add(grid.dst_base + image * grid.dst_image + q0);
                    for tile_n in 0..n_tiles {
                        let n0 = self.n.0 + tile_n * wide;
                        let some = &taps[n0..taps.len().min(n0 + wide)];
                        pack::taps::<S>(src.as_ptr(), some, &runs, packed.as_mut_ptr());
                        let panel = packed.as_ptr();
                        for t in self.tiles.0..self.tiles.1 {
                            let (m0, m1) = cut.rows(t);
                            let c = sums.as_mut_ptr().add((tile_n * rows + m0 - first_row) * wide);
                            let tile = Tile {
                                height: m1 - m0,
                                depth: q1 - q0,
                                a: a.add(m0 * a_plane),
                                a_row: a_plane,
                                a_k: 1,
                                b: Rows::Panel(panel),
                                c,
                                c_row: wide,
                                sum: Sum::Continued,
                                epilogue: Epilogue::NONE,
                            };
                            tile.run::<S, Single>();
                        }
                    }
                    q0 = q1;
                }
            }
            copied_out(&sums, rows, first_row..first_row + rows, self.n, taps.len(), wide, self.c);
        }
    }
}

/// Copies the sums of rows and taps, of `[wide taps][each row]`, to where they belong.
///
/// # Safety
/// `c` has `all` floats for each row.
pub(crate) unsafe fn copied_out(
    sums: &[f32],
    each: usize,
    rows: Range<usize>,
    n: (usize, usize),
    all: usize,
    wide: usize,
    c: Shared,
) {
    for (tile, n0) in (n.0..n.1).step_by(wide).enumerate() {
        for (i, row) in rows.clone().enumerate() {
            let from = &sums[(tile * each + i) * wide..][..wide.min(n.1 - n0)];
            // SAFETY: the caller's contract.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), c.ptr().add(row * all + n0), from.len()) };
        }
    }
}

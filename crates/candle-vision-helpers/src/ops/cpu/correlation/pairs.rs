//! The product over positions by panels of bf16 pairs: each word holds two neighboring positions of an image, an odd
//! last one beside a zero. Images follow each other in a panel, since small ones would not fill it.

use super::Correlation;
use super::panels::{copied_out, for_groups};
use crate::ops::cpu::gemm::DEPTH;
use crate::ops::cpu::gemm::pack::{Run, joined};
use crate::ops::cpu::gemm::pairs::{Neighbors, Pairs, pitch};
use crate::ops::cpu::gemm::tile::{Rows, Sum, Tile, Tiles};
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::simd::bf16::{Bf16, PairKernel};
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;

/// Computes a product into `c`.
///
/// # Safety
/// The contract of [`Correlation`].
pub(crate) unsafe fn run(work: &Correlation<'_>, vectors: Vectors, c: Shared) {
    let grid = &work.grid;
    let pixels = grid.rows * grid.cols;
    let words = pixels.div_ceil(2);
    let pitch = pitch(grid.images * words);
    let mut a = Scratch::new(work.m * pitch);
    let to = Shared::of(&mut a);
    parallel::for_each(work.m, |row| {
        for image in 0..grid.images {
            let from = &work.a[grid.dst_base + image * grid.dst_image + row * work.a_plane..][..pixels];
            // SAFETY: one row a task, one image at a time.
            let to = unsafe { to.part(row * pitch + image * words, words) };
            vectors.run_pairs(Neighbors { from, to });
        }
    });
    let a = &a[..];
    let m_tiles = Tiles::of(work.m, vectors.lanes()).count;
    for_groups(work, vectors, m_tiles, |n, tiles| vectors.run_pairs(Group { work, a, pitch, c, n, tiles }));
}

struct Group<'a> {
    work: &'a Correlation<'a>,
    /// The words of `work.a`, a row each pitch.
    a: &'a [f32],
    pitch: usize,
    c: Shared,
    n: (usize, usize),
    tiles: (usize, usize),
}

impl PairKernel for Group<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16>(self) {
        let Correlation { m, taps, src, ref grid, .. } = *self.work;
        let (l, wide) = (S::LANES, 2 * S::LANES);
        let n_tiles = (self.n.1 - self.n.0).div_ceil(wide);
        let cut = Tiles::of(m, l);
        let first_row = cut.rows(self.tiles.0).0;
        let rows = cut.rows(self.tiles.1 - 1).1 - first_row;
        let mut sums = Scratch::new(n_tiles * rows * wide);
        sums[..n_tiles * rows * wide].fill(0.0);
        // behind the last word of an image the panel has some more, which the next image replaces
        let mut packed = Scratch::new((DEPTH + l) * wide);
        let mut stretches = Vec::new();
        let pixels = grid.rows * grid.cols;
        let words = grid.images * pixels.div_ceil(2);
        // SAFETY: by the contract of `run`; the scratch buffers are as large as they are indexed.
        unsafe {
            let mut w0 = 0;
            while w0 < words {
                let w1 = words.min(w0 + DEPTH);
                stretches.clear();
                Stretch::of(self.work, (w0, w1), l, &mut stretches);
                for tile_n in 0..n_tiles {
                    let n0 = self.n.0 + tile_n * wide;
                    let some = &taps[n0..taps.len().min(n0 + wide)];
                    for s in &stretches {
                        pack::<S>(src.as_ptr(), some, s, packed.as_mut_ptr().add(s.word * wide), None);
                    }
                    for t in self.tiles.0..self.tiles.1 {
                        let (m0, m1) = cut.rows(t);
                        let tile = Tile {
                            height: m1 - m0,
                            depth: w1 - w0,
                            a: self.a.as_ptr().add(m0 * self.pitch + w0),
                            a_row: self.pitch,
                            a_k: 1,
                            b: Rows::Panel(packed.as_ptr()),
                            c: sums.as_mut_ptr().add((tile_n * rows + m0 - first_row) * wide),
                            c_row: wide,
                            sum: Sum::Continued,
                            epilogue: Epilogue::NONE,
                        };
                        tile.run::<S, Pairs>();
                    }
                }
                w0 = w1;
            }
            copied_out(&sums, rows, first_row..first_row + rows, self.n, taps.len(), wide, self.c);
        }
    }
}

/// Two vectors of positions of one image, and the word of the panel where they begin.
pub(crate) struct Stretch {
    pub word: usize,
    runs: [Run; 2],
}

impl Stretch {
    /// Those of a range of words, for vectors of so many lanes.
    pub(crate) fn of(work: &Correlation<'_>, (w0, w1): (usize, usize), lanes: usize, all: &mut Vec<Self>) {
        let grid = &work.grid;
        let pixels = grid.rows * grid.cols;
        let each = pixels.div_ceil(2);
        let mut word = w0;
        while word < w1 {
            let (image, from) = (word / each, word % each);
            let to = each.min(from + w1 - word);
            let end = image * pixels + pixels.min(2 * to);
            for w in (from..to).step_by(lanes) {
                let q = image * pixels + 2 * w;
                let runs = [q, q + lanes].map(|q| Run::of(grid, q, end, lanes));
                all.push(Self { word: word - w0 + w - from, runs });
            }
            word += to - from;
        }
    }
}

/// The words of the taps at a stretch of positions, `[word][2 vectors of taps]`, and what rounding left of them where
/// that is asked for; taps beyond the last are zero.
///
/// # Safety
/// The positions behind each `src + taps[k]` are readable; the targets hold `LANES` rows of `2 LANES`; `taps.len() <= 2
/// LANES`.
#[inline(always)]
pub(crate) unsafe fn pack<S: Bf16>(
    src: *const f32,
    taps: &[usize],
    stretch: &Stretch,
    to: *mut f32,
    left: Option<*mut f32>,
) {
    let l = S::LANES;
    let [low, high] = &stretch.runs;
    // SAFETY: the caller's contract.
    unsafe {
        for half in 0..2 {
            let some = &taps[taps.len().min(half * l)..taps.len().min((half + 1) * l)];
            let mut rows = [S::splat(0.0); 16];
            let mut rest = rows;
            if low.whole && high.whole && left.is_none() {
                for (row, &tap) in rows.iter_mut().zip(some) {
                    let from = src.add(tap);
                    *row = S::neighbors(S::load(from.add(low.first())), S::load(from.add(high.first())));
                }
            } else {
                for ((row, rest), &tap) in rows.iter_mut().zip(&mut rest).zip(some) {
                    let from = src.add(tap);
                    let (low, high) = (joined::<S>(from, low.pieces()), joined::<S>(from, high.pieces()));
                    *row = S::neighbors(low, high);
                    if left.is_some() {
                        *rest = S::neighbors(S::left_over(low), S::left_over(high));
                    }
                }
            }
            S::store_transposed(&rows, to.add(half * l), 2 * l);
            if let Some(left) = left {
                S::store_transposed(&rest, left.add(half * l), 2 * l);
            }
        }
    }
}

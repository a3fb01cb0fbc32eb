//! The product over taps by panels of bf16 pairs: each word of a panel holds the pixels of two taps, each word of the
//! matrix its elements for them. An odd last tap stands beside zeros.

use super::pack::{Piece, Run, joined};
use super::panels::{self, Block, Packed};
use super::tile::{Factors, Tiles};
use super::{COLUMNS, Product};
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::simd::bf16::{Bf16, PairKernel, word};
use crate::ops::cpu::uncleared::Shared;

/// Two bf16 in a word.
pub(crate) struct Pairs;

impl<S: Bf16> Factors<S> for Pairs {
    const EACH: usize = 2;
    #[inline(always)]
    unsafe fn add_products(a: S::V, b: S::V, sum: S::V) -> S::V {
        // SAFETY: the caller's contract.
        unsafe { S::dot(a, b, sum) }
    }
}

impl<S: Bf16> Packed<S> for Pairs {
    #[inline(always)]
    unsafe fn pixels(src: *const f32, taps: &[usize], runs: &[Run], to: *mut f32) {
        let l = S::LANES;
        let panel = taps.len().div_ceil(2) * 2 * l;
        // SAFETY: the caller's contract.
        unsafe {
            if runs.iter().all(|r| r.whole) {
                // tap by tap, so that a plane is read in one go
                for (k, pair) in taps.chunks(2).enumerate() {
                    let to = to.add(k * 2 * l);
                    for (h, run) in runs.iter().enumerate() {
                        let word = loaded::<S>(src, pair, run.first());
                        S::store(to.add((h / 2) * panel + (h % 2) * l), word);
                    }
                }
                return;
            }
            for (h, run) in runs.iter().enumerate() {
                let to = to.add((h / 2) * panel + (h % 2) * l);
                match run.pieces() {
                    [one] if run.whole => {
                        for (k, pair) in taps.chunks(2).enumerate() {
                            S::store(to.add(k * 2 * l), loaded::<S>(src, pair, one.at));
                        }
                    }
                    // a number of pieces that the compiler knows leaves no loop inside the loop
                    [a, b] => column::<S>(src, taps, &[*a, *b], to),
                    [a, b, c] => column::<S>(src, taps, &[*a, *b, *c], to),
                    pieces => column::<S>(src, taps, pieces, to),
                }
            }
        }
    }
}

/// The words of one tap or two, at neighboring positions.
///
/// # Safety
/// A vector is readable `at` behind each tap.
#[inline(always)]
unsafe fn loaded<S: Bf16>(src: *const f32, pair: &[usize], at: usize) -> S::V {
    // SAFETY: the caller's contract.
    unsafe {
        let first = S::load(src.add(pair[0]).add(at));
        let second = match pair.get(1) {
            Some(&tap) => S::load(src.add(tap).add(at)),
            None => S::splat(0.0),
        };
        S::paired(first, second)
    }
}

/// [`joined`] for each pair of taps, `2 LANES` apart.
///
/// # Safety
/// As for [`Packed::pixels`].
#[inline(always)]
unsafe fn column<S: Bf16>(src: *const f32, taps: &[usize], pieces: &[Piece], to: *mut f32) {
    for (k, pair) in taps.chunks(2).enumerate() {
        // SAFETY: the caller's contract.
        unsafe {
            let first = joined::<S>(src.add(pair[0]), pieces);
            let second = match pair.get(1) {
                Some(&tap) => joined::<S>(src.add(tap), pieces),
                None => S::splat(0.0),
            };
            S::store(to.add(k * 2 * S::LANES), S::paired(first, second));
        }
    }
}

/// Computes a product into `dst`.
///
/// # Safety
/// The contract of [`Product`].
pub(crate) unsafe fn run(product: &Product<'_>, vectors: Vectors, dst: Shared) {
    panels::for_blocks(product, vectors, dst, |block| vectors.run_pairs(block));
}

impl PairKernel for Block<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16>(self) {
        // SAFETY: the caller's contract.
        unsafe { self.run_with::<S, Pairs>() }
    }
}

/// Words from row to row of a matrix: whole cache lines, an odd number of them, so that rows that are read side by side
/// do not meet in one set of a cache.
pub(crate) fn pitch(words: usize) -> usize {
    words.next_multiple_of(16) | 16
}

/// Turns floats into words of two neighbors each; an odd last one stands beside a zero.
pub(crate) struct Neighbors<'a> {
    pub from: &'a [f32],
    /// As many as the words.
    pub to: &'a mut [f32],
}

impl PairKernel for Neighbors<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16>(self) {
        let l = S::LANES;
        // SAFETY: chunks and arrays of two vectors are read, of one vector written.
        unsafe {
            for (from, to) in self.from.chunks(2 * l).zip(self.to.chunks_mut(l)) {
                if from.len() == 2 * l {
                    let words = S::neighbors(S::load(from.as_ptr()), S::load(from.as_ptr().add(l)));
                    S::store(to.as_mut_ptr(), words);
                } else {
                    let (mut last, mut words) = ([0.0; 32], [0.0; 16]);
                    last[..from.len()].copy_from_slice(from);
                    let (low, high) = (S::load(last.as_ptr()), S::load(last.as_ptr().add(l)));
                    S::store(words.as_mut_ptr(), S::neighbors(low, high));
                    to.copy_from_slice(&words[..to.len()]);
                }
            }
        }
    }
}

/// The words of a row-major matrix of so many rows and columns, and the step from row to row.
pub(crate) fn rows(m: usize, depth: usize, data: &[f32], vectors: Vectors) -> (Scratch, usize) {
    let words = depth.div_ceil(2);
    let pitch = pitch(words);
    let mut to = Scratch::new(m * pitch);
    let all = Shared::of(&mut to);
    parallel::for_chunks(m, parallel::GRAIN / depth, |from, end| {
        for row in from..end {
            // SAFETY: one row at a time.
            let to = unsafe { all.part(row * pitch, words) };
            vectors.run_pairs(Neighbors { from: &data[row * depth..][..depth], to });
        }
    });
    (to, pitch)
}

/// As [`pack_columns`](super::pack_columns), in words of two columns.
pub(crate) fn pack_columns(m: usize, data: &[f32], columns: &[usize], row: usize, vectors: Vectors) -> Scratch {
    let (depth, tiles) = (columns.len().div_ceil(2), Tiles::of(m, vectors.lanes()));
    let mut packed = Scratch::new(m * depth);
    let to = Shared::of(&mut packed);
    parallel::for_each(depth.div_ceil(COLUMNS), |task| {
        let range = task * COLUMNS..depth.min((task + 1) * COLUMNS);
        for i in 0..tiles.count {
            let (m0, m1) = tiles.rows(i);
            let rows = m1 - m0;
            // SAFETY: tiles are disjoint, and so are the tasks' columns of a tile.
            let to = unsafe { to.part(m0 * depth + range.start * rows, range.len() * rows) };
            let columns = &columns[2 * range.start..columns.len().min(2 * range.end)];
            for (to, pair) in to.chunks_exact_mut(rows).zip(columns.chunks(2)) {
                let element = |column: usize, j: usize| data[column + (m0 + j) * row];
                for (j, x) in to.iter_mut().enumerate() {
                    let second = pair.get(1).map_or(0.0, |&c| element(c, j));
                    *x = word(element(pair[0], j), second);
                }
            }
        }
    });
    packed
}

//! Matrices in words for tiles.

use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::bf16::{left_over, word};
use crate::ops::cpu::simd::products::Parts;
use crate::ops::cpu::uncleared::Shared;

/// Rows of a tile, and its words along each sum.
pub(crate) const SIDE: usize = 16;
/// Rows that are computed at a time: two tiles.
pub(crate) const ROWS: usize = 2 * SIDE;

/// Words of factors, and of what rounding left of them where they have two parts: `[row][pitch]`.
#[derive(Clone, Copy)]
pub(crate) struct Factor {
    pub high: *const f32,
    pub low: *const f32,
    pub pitch: usize,
}

/// A matrix of words, row-major, with zeros up to whole tiles; one part behind the other.
pub(crate) struct TileMatrix {
    words: Scratch,
    pub parts: Parts,
    pitch: usize,
    /// From one part to the next.
    part: usize,
}

impl TileMatrix {
    /// Of `m` rows of so many words; the two elements of word `k` of row `m` are `at(m, k)`.
    pub(crate) fn new(m: usize, depth: usize, parts: Parts, at: impl Fn(usize, usize) -> (f32, f32) + Sync) -> Self {
        // an odd number of cache lines: rows that are read side by side do not meet in one set of a cache
        let pitch = depth.next_multiple_of(SIDE) | SIDE;
        let rows = m.next_multiple_of(ROWS);
        let part = rows * pitch;
        let mut words = Scratch::new(part * parts as usize);
        let to = Shared::of(&mut words);
        parallel::for_chunks(rows, parallel::GRAIN / pitch, |from, end| {
            for row in from..end {
                for i in 0..parts as usize {
                    // SAFETY: one row and part at a time.
                    let line = unsafe { to.part(i * part + row * pitch, pitch) };
                    if row >= m {
                        line.fill(0.0);
                        continue;
                    }
                    let (some, rest) = line.split_at_mut(depth);
                    rest.fill(0.0);
                    for (k, to) in some.iter_mut().enumerate() {
                        let (first, second) = at(row, k);
                        *to = if i == 0 { word(first, second) } else { word(left_over(first), left_over(second)) };
                    }
                }
            }
        });
        Self { words, parts, pitch, part }
    }

    /// From word `k` of row `row` on.
    pub(crate) fn at(&self, row: usize, k: usize) -> Factor {
        let high = self.words[row * self.pitch + k..].as_ptr();
        let low = match self.parts {
            Parts::One => high,
            Parts::Two => self.words[self.part + row * self.pitch + k..].as_ptr(),
        };
        Factor { high, low, pitch: self.pitch }
    }
}

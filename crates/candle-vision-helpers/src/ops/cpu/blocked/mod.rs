//! Kernels for prediction over maps in blocks of channels: where a plane has a pixel, a block has one of as many
//! channels as a vector has lanes, so that a pixel of the result is a vector, whatever the kernel's size, and nothing
//! has to be unfolded. Zeros around each plane spare the kernels every case for edges.
//!
//! The layout is ONNX Runtime's and oneDNN's (nChw8c, nChw16c). Training keeps planes, which candle's operations take.

pub(crate) mod conv;
pub(crate) mod convert;
pub(crate) mod depthwise;
pub(crate) mod pool;
mod tile;
pub(crate) mod upsample;
pub(crate) mod winograd;

use super::simd::Vectors;
use super::team::Member;
use super::uncleared::Shared;
use std::ops::Range;

/// Where a map lies in the memory of a pass, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    pub channels: usize,
    pub h: usize,
    pub w: usize,
    /// Channels that stand next to each other: as many as a vector has lanes, or fewer where there are no more.
    pub block: usize,
    /// Zeros on each side of a plane.
    pub halo: usize,
    /// The first row that is there: of some maps only a few are at a time.
    pub first: usize,
    /// Rows that there is room for, beside the zeros.
    pub rows: usize,
    /// The first float.
    pub start: usize,
}

impl Map {
    /// Blocks of channels; what the last one lacks is zero.
    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.block)
    }

    /// Floats from row to row.
    pub(crate) fn row(&self) -> usize {
        (self.w + 2 * self.halo) * self.block
    }

    /// Floats from block to block.
    pub(crate) fn plane(&self) -> usize {
        (self.rows + 2 * self.halo) * self.row()
    }

    /// Floats of all blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks() * self.plane()
    }

    /// Where a pixel of a block lies, whose row is there; `y` and `x` count from the first one that is no zero around
    /// the plane.
    pub(crate) fn at(&self, block: usize, y: usize, x: usize) -> usize {
        let row = y + self.halo - self.first;
        self.start + block * self.plane() + row * self.row() + (x + self.halo) * self.block
    }

    /// Drops the rows before `first` and moves those up to `end` to the front.
    ///
    /// # Safety
    /// The map lies in `memory`, nothing else touches it meanwhile, and its rows up to `end` were written.
    pub(crate) unsafe fn drop_before(&mut self, memory: Shared, first: usize, end: usize) {
        let (row, dropped) = (self.row(), first.saturating_sub(self.first));
        if dropped > 0 && first < end {
            for block in 0..self.blocks() {
                let rows = self.start + block * self.plane() + self.halo * row;
                // SAFETY: the caller's contract.
                let rows = unsafe { memory.part(rows, (end - self.first) * row) };
                rows.copy_within(dropped * row.., 0);
            }
        }
        self.first += dropped;
    }

    /// Clears the zeros beside some rows of a block, and those above the first and below the last row.
    ///
    /// # Safety
    /// The map lies in `memory`, and nothing else touches these floats meanwhile.
    pub(crate) unsafe fn clear_halo(&self, memory: Shared, block: usize, rows: Range<usize>) {
        if self.halo == 0 {
            return;
        }
        let (first, row, side) = (self.start + block * self.plane(), self.row(), self.halo * self.block);
        // SAFETY: the caller's contract; all of it lies in the block.
        let clear = |from: usize, len: usize| unsafe { memory.part(first + from, len).fill(0.0) };
        if rows.start == 0 {
            clear(0, self.halo * row);
        }
        for y in rows.clone() {
            let y = (y + self.halo - self.first) * row;
            clear(y, side);
            clear(y + row - side, side);
        }
        if rows.end == self.h {
            clear((self.h + self.halo - self.first) * row, self.halo * row);
        }
    }
}

/// The maps of a layer, and what it is computed with.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub from: Map,
    pub to: Map,
    pub residual: Option<Map>,
    pub memory: Shared,
    /// Where floats that the layer takes while it is computed begin, if it was given any.
    pub scratch: Option<usize>,
    pub vectors: Vectors,
    /// This thread among those that compute it.
    pub team: &'a Member<'a>,
}

/// Some rows of a block of a layer's result.
struct Rows<'a, L> {
    layer: &'a L,
    site: &'a Site<'a>,
    block: usize,
    rows: Range<usize>,
}

/// Tasks that each thread takes of a layer, where there are as many.
const TASKS: usize = 4;

/// What of a layer's result a thread takes, where it can.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Some rows of all parts, at most so many at once: it reads some rows of the source and all weights.
    Rows { most: usize },
    /// Some parts, all rows: it reads the whole source and some weights.
    Parts,
}

impl Share {
    /// Some rows of all parts.
    pub(crate) const ANY_ROWS: Self = Self::Rows { most: usize::MAX };
}

/// Runs `task(part, rows)` for every part and all `rows`, which are cut so that all threads have as many.
pub(crate) fn for_rows(
    parts: usize,
    rows: Range<usize>,
    share: Share,
    team: &Member<'_>,
    task: impl Fn(usize, Range<usize>),
) {
    let threads = team.threads();
    if rows.is_empty() {
        return;
    }
    let mut strips = if threads == 1 { 1 } else { (TASKS * threads).div_ceil(parts.max(1)) };
    if let Share::Rows { most } = share {
        strips = strips.max(rows.len().div_ceil(most.max(1))).next_multiple_of(threads);
    } else if !(parts * strips).is_multiple_of(threads) {
        strips = strips.next_multiple_of(threads);
    }
    strips = strips.min(rows.len());
    let bound = |strip: usize| rows.start + rows.len() * strip / strips;
    team.for_each(parts * strips, |i| {
        let (part, strip) = if share == Share::Parts { (i / strips, i % strips) } else { (i % parts, i / parts) };
        task(part, bound(strip)..bound(strip + 1));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::cpu::team::together;
    use std::sync::{Mutex, PoisonError};

    #[test]
    fn every_row_of_every_part_is_computed_once() {
        for (threads, parts, rows) in [(1, 2, 3), (2, 1, 1), (2, 3, 7), (2, 16, 5), (3, 1, 40), (3, 5, 8), (4, 0, 2)] {
            for share in [Share::ANY_ROWS, Share::Rows { most: 2 }, Share::Parts] {
                let done = Mutex::new(Vec::new());
                let task = |part, rows: Range<usize>| {
                    done.lock().unwrap_or_else(PoisonError::into_inner).extend(rows.map(|row| (part, row)));
                };
                together(threads, |team| for_rows(parts, 10..10 + rows, share, team, task));
                let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
                done.sort_unstable();
                let all = (0..parts).flat_map(|part| (10..10 + rows).map(move |row| (part, row)));
                assert!(done.into_iter().eq(all), "{threads} threads, {parts} parts, {rows} rows");
            }
        }
    }
}

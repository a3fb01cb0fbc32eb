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

use super::parallel;
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
        (self.h + 2 * self.halo) * self.row()
    }

    /// Floats of all blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks() * self.plane()
    }

    /// Where a pixel of a block lies; `y` and `x` count from the first one that is no zero around the plane.
    pub(crate) fn at(&self, block: usize, y: usize, x: usize) -> usize {
        self.start + block * self.plane() + (y + self.halo) * self.row() + (x + self.halo) * self.block
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
            let y = (y + self.halo) * row;
            clear(y, side);
            clear(y + row - side, side);
        }
        if rows.end == self.h {
            clear((self.halo + self.h) * row, self.halo * row);
        }
    }
}

/// Some rows of a block of a layer's result.
struct Rows<'a, L> {
    layer: &'a L,
    block: usize,
    rows: Range<usize>,
    memory: Shared,
}

/// Tasks that each thread takes of a layer, where there are as many.
const TASKS: usize = 4;

/// Runs `task(part, rows)` for every part and all `rows`, which are cut so that all threads have some: on this thread
/// alone where the others have pictures of their own.
pub(crate) fn for_rows(parts: usize, rows: usize, alone: bool, task: impl Fn(usize, Range<usize>) + Send + Sync) {
    if alone {
        (0..parts).for_each(|part| task(part, 0..rows));
        return;
    }
    let strips = parallel::parts(TASKS, parts, rows);
    parallel::for_each(parts * strips, |i| {
        let (part, strip) = (i / strips, i % strips);
        task(part, rows * strip / strips..rows * (strip + 1) / strips);
    });
}

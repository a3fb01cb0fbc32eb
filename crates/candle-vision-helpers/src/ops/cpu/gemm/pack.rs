//! From planes of pixels to the panels that tiles read: positions, runs of neighbors, and the copies.

use crate::ops::cpu::simd::Simd;

/// A grid of positions in some images, and where each lies in a source and in a destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub images: usize,
    pub rows: usize,
    pub cols: usize,
    /// Steps in the source: from image to image, from row to row; columns are neighbors.
    pub src_image: usize,
    pub src_row: usize,
    /// Steps in the destination.
    pub dst_image: usize,
    pub dst_row: usize,
    pub dst_col: usize,
    pub dst_base: usize,
}

impl Grid {
    pub(crate) fn len(&self) -> usize {
        self.images * self.rows * self.cols
    }
    /// Where rows follow each other without a gap on both sides they are one long row: fewer runs end early.
    pub(crate) fn merged(mut self) -> Self {
        if self.src_row == self.cols && self.dst_row == self.cols && self.dst_col == 1 {
            self.cols *= self.rows;
            self.rows = 1;
            self.src_row = self.cols;
            self.dst_row = self.cols;
        }
        self
    }
    fn at(&self, q: usize) -> (usize, usize, usize) {
        let (row, j) = (q / self.cols, q % self.cols);
        (row / self.rows, row % self.rows, j)
    }
    fn src(&self, (b, i, j): (usize, usize, usize)) -> usize {
        b * self.src_image + i * self.src_row + j
    }
    fn dst(&self, (b, i, j): (usize, usize, usize)) -> usize {
        self.dst_base + b * self.dst_image + i * self.dst_row + j * self.dst_col
    }
}

/// Lanes of a vector whose positions are neighbors in the source.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    /// Where the vector's first lane would lie in the source: modulo 2^64, since that may be before it begins.
    pub at: usize,
    /// A bit for each lane.
    lanes: u16,
}

impl Piece {
    const NONE: Self = Self { at: 0, lanes: 0 };
}

/// A vector's worth of positions that follow each other in a [`Grid`].
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub count: usize,
    /// A full vector, neighbors in the source.
    pub whole: bool,
    /// A full vector, neighbors in the destination.
    pub dst_whole: bool,
    /// What the source gives, in as few pieces as can be.
    pieces: [Piece; 16],
    cut: usize,
    pub dst: [usize; 16],
}

impl Run {
    /// No positions.
    pub(crate) const NONE: Self =
        Self { count: 0, whole: false, dst_whole: false, pieces: [Piece::NONE; 16], cut: 0, dst: [0; 16] };

    /// The positions `from .. from + lanes`, as far as they lie below `end`.
    pub(crate) fn of(grid: &Grid, from: usize, end: usize, lanes: usize) -> Self {
        let count = end.saturating_sub(from).min(lanes);
        let mut run = Self { count, ..Self::NONE };
        if count == 0 {
            return run;
        }
        let (mut b, mut i, mut j) = grid.at(from);
        for lane in 0..count {
            let at = grid.src((b, i, j)).wrapping_sub(lane);
            if lane == 0 || at != run.pieces[run.cut - 1].at {
                run.pieces[run.cut].at = at;
                run.cut += 1;
            }
            run.pieces[run.cut - 1].lanes |= 1 << lane;
            run.dst[lane] = grid.dst((b, i, j));
            j += 1;
            if j == grid.cols {
                j = 0;
                i += 1;
                if i == grid.rows {
                    i = 0;
                    b += 1;
                }
            }
        }
        run.whole = count == lanes && run.cut == 1;
        run.dst_whole = count == lanes && (1..lanes).all(|l| run.dst[l] == run.dst[0] + l);
        run
    }

    /// The pieces there are.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces[..self.cut]
    }

    /// Where the first lane lies in the source.
    pub(crate) fn first(&self) -> usize {
        self.pieces[0].at
    }
}

/// The positions of a run whose first tap's plane starts at `from`; zeros behind the last.
///
/// # Safety
/// The lanes of all pieces are readable.
#[inline(always)]
pub(crate) unsafe fn joined<S: Simd>(from: *const f32, pieces: &[Piece]) -> S::V {
    // SAFETY: the caller's contract.
    unsafe {
        let mut all = S::splat(0.0);
        for piece in pieces {
            all = S::load_lanes(all, from.wrapping_add(piece.at), piece.lanes);
        }
        all
    }
}

/// [`joined`] for each tap, `2 LANES` apart.
///
/// # Safety
/// As for [`pixels`].
#[inline(always)]
unsafe fn column<S: Simd>(src: *const f32, taps: &[usize], pieces: &[Piece], to: *mut f32) {
    for (k, &tap) in taps.iter().enumerate() {
        // SAFETY: the caller's contract.
        unsafe { S::store(to.add(k * 2 * S::LANES), joined::<S>(src.add(tap), pieces)) };
    }
}

/// Panels `[k][2 vectors of positions]`: panel `p` at `p * taps.len() * 2 LANES`, filled from runs `2 p` and `2 p + 1`.
///
/// # Safety
/// The runs' positions behind each `src + taps[k]` are readable; `to` holds `runs.len() / 2` panels; `runs.len()` is
/// even.
#[inline(always)]
pub(crate) unsafe fn pixels<S: Simd>(src: *const f32, taps: &[usize], runs: &[Run], to: *mut f32) {
    let l = S::LANES;
    let panel = taps.len() * 2 * l;
    // SAFETY: the caller's contract.
    unsafe {
        if runs.iter().all(|r| r.whole) {
            // tap by tap, so that a plane is read in one go
            for (k, &tap) in taps.iter().enumerate() {
                let (from, to) = (src.add(tap), to.add(k * 2 * l));
                for (h, run) in runs.iter().enumerate() {
                    S::store(to.add((h / 2) * panel + (h % 2) * l), S::load(from.add(run.first())));
                }
            }
            return;
        }
        for (h, run) in runs.iter().enumerate() {
            let to = to.add((h / 2) * panel + (h % 2) * l);
            match run.pieces() {
                [one] if run.whole => {
                    let from = src.add(one.at);
                    for (k, &tap) in taps.iter().enumerate() {
                        S::store(to.add(k * 2 * l), S::load(from.add(tap)));
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

/// One panel `[position][2 vectors of taps]` from the given runs of positions; taps beyond the last are zero.
///
/// # Safety
/// As for [`pixels`]; `to` holds `runs.len() * LANES` rows of `2 LANES`; `taps.len() <= 2 LANES`.
#[inline(always)]
pub(crate) unsafe fn taps<S: Simd>(src: *const f32, taps: &[usize], runs: &[Run], to: *mut f32) {
    let l = S::LANES;
    // SAFETY: the caller's contract.
    unsafe {
        let zero = S::splat(0.0);
        for (r, run) in runs.iter().enumerate() {
            let to = to.add(r * l * 2 * l);
            for half in 0..2 {
                let some = taps.len().saturating_sub(half * l).min(l);
                let to = to.add(half * l);
                let mut rows = [zero; 16];
                if run.whole {
                    let from = src.add(run.first());
                    for (i, row) in rows.iter_mut().enumerate().take(some) {
                        *row = S::load(from.add(*taps.get_unchecked(half * l + i)));
                    }
                } else {
                    for (i, row) in rows.iter_mut().enumerate().take(some) {
                        *row = joined::<S>(src.add(*taps.get_unchecked(half * l + i)), run.pieces());
                    }
                }
                S::store_transposed(&rows, to, 2 * l);
            }
        }
    }
}

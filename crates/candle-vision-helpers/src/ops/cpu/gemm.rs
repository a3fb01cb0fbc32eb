//! Products of a matrix with pixels gathered by taps: `y[m][q] = sum over k of a[m][k] * src[tap[k] + at(q)]`. A
//! convolution and its input gradient are of this form; see [`correlation`](super::correlation) for the weight
//! gradient.

use super::memory::{Scratch, Shared};
use super::pack::{self, Grid, Run};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::tile::{self, Finish, Rows};

/// Most taps or positions a panel is deep: two vectors of 256 are 16 KB, half of a first-level cache.
pub(crate) const DEPTH: usize = 256;
/// Panels that are packed together, so that a plane is read some cache lines at a time.
const PANELS: usize = 4;

/// The matrix of a product.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// Row-major, as it stands.
    Rows(&'a [f32]),
    /// Tiles of [`tile::split`] one after another, each `[k][row]`.
    Packed(&'a [f32]),
}

/// The tiles of a matrix whose element (m, k) `at` knows.
pub(crate) fn pack_matrix(m: usize, depth: usize, at: impl Fn(usize, usize) -> f32 + Sync) -> Scratch {
    let mut packed = Scratch::new(m * depth);
    let to = Shared::of(&mut packed);
    let tiles = m.div_ceil(tile::MR);
    parallel::for_each(tiles, |i| {
        let (m0, m1) = tile::split(m, i);
        // SAFETY: tiles are disjoint.
        let to = unsafe { to.part(m0 * depth, (m1 - m0) * depth) };
        for (k, column) in to.chunks_exact_mut(m1 - m0).enumerate() {
            for (row, x) in column.iter_mut().enumerate() {
                *x = at(m0 + row, k);
            }
        }
    });
    packed
}

/// Columns a task of [`pack_columns`].
const COLUMNS: usize = 64;

/// As [`pack_matrix`], of a matrix that stands column by column in memory: element (m, k) at `columns[k] + m * row`.
pub(crate) fn pack_columns(m: usize, data: &[f32], columns: &[usize], row: usize) -> Scratch {
    let depth = columns.len();
    let mut packed = Scratch::new(m * depth);
    let to = Shared::of(&mut packed);
    // by columns, so that each is read in one go
    parallel::for_each(depth.div_ceil(COLUMNS), |task| {
        let range = task * COLUMNS..depth.min((task + 1) * COLUMNS);
        for i in 0..m.div_ceil(tile::MR) {
            let (m0, m1) = tile::split(m, i);
            let rows = m1 - m0;
            // SAFETY: tiles are disjoint, and so are the tasks' columns of a tile.
            let to = unsafe { to.part(m0 * depth + range.start * rows, range.len() * rows) };
            for (to, &column) in to.chunks_exact_mut(rows).zip(&columns[range.clone()]) {
                for (j, x) in to.iter_mut().enumerate() {
                    *x = data[column + (m0 + j) * row];
                }
            }
        }
    });
    packed
}

/// A product over taps.
pub(crate) struct Product<'a> {
    pub matrix: Matrix<'a>,
    pub m: usize,
    /// Where each tap's pixels begin in the source.
    pub taps: &'a [usize],
    pub src: &'a [f32],
    pub grid: Grid,
    /// From one row `m` of the result to the next in the destination.
    pub dst_plane: usize,
    pub bias: Option<&'a [f32]>,
    pub relu: bool,
}

impl Product<'_> {
    /// Computes it into `dst`; rows `m` and grid positions say where.
    ///
    /// # Safety
    /// Every address that taps, grid and planes give lies inside `src` and `dst`.
    pub(crate) unsafe fn run(&self, dst: Shared) {
        let positions = self.grid.len();
        if positions == 0 || self.m == 0 {
            return;
        }
        let vectors = Vectors::in_use();
        if let Matrix::Packed(a) = self.matrix
            && self.suits_direct(vectors)
        {
            // SAFETY: the same contract.
            return unsafe { self.run_direct(vectors, a, dst) };
        }
        let wide = PANELS * 2 * vectors.lanes();
        let blocks = positions.div_ceil(wide);
        let tiles = self.m.div_ceil(tile::MR);
        // Few positions: cut the rows as well, though each part packs the pixels again.
        let threads = rayon::current_num_threads();
        let parts = if threads == 1 { 1 } else { (2 * threads).div_ceil(blocks).clamp(1, tiles.div_ceil(4)) };
        parallel::for_each(blocks * parts, |task| {
            let (block, part) = (task / parts, task % parts);
            let job = Block {
                product: self,
                dst,
                from: block * wide,
                tiles: (tiles * part / parts, tiles * (part + 1) / parts),
            };
            vectors.run(job);
        });
    }
}

struct Block<'a> {
    product: &'a Product<'a>,
    dst: Shared,
    from: usize,
    tiles: (usize, usize),
}

impl Kernel for Block<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Product { matrix, m, taps, src, ref grid, dst_plane, bias, relu } = *self.product;
        let l = S::LANES;
        let end = grid.len().min(self.from + PANELS * 2 * l);
        let panels = (end - self.from).div_ceil(2 * l);
        let mut runs = [Run { count: 0, whole: false, dst_whole: false, src: [0; 16], dst: [0; 16] }; 2 * PANELS];
        for (h, run) in runs.iter_mut().enumerate().take(2 * panels) {
            *run = Run::of(grid, self.from + h * l, end, l);
        }
        let runs = &runs[..2 * panels];
        let first_row = tile::split(m, self.tiles.0).0;
        let rows = tile::split(m, self.tiles.1 - 1).1 - first_row;
        // Panels whose positions are no neighbours in the destination are summed here and spread at the end.
        let mut aside = Scratch::new(panels * rows * 2 * l);
        let mut packed = Scratch::new(panels * 2 * l * DEPTH.min(taps.len().max(1)));
        let direct = |p: usize| {
            let (a, b) = (&runs[2 * p], &runs[2 * p + 1]);
            a.dst_whole && b.dst_whole && b.dst[0] == a.dst[0] + l
        };
        let depth = taps.len();
        let (whole_matrix, is_packed) = match matrix {
            Matrix::Rows(a) => (a.as_ptr(), false),
            Matrix::Packed(a) => (a.as_ptr(), true),
        };
        // SAFETY: by the contract of `Product::run`; `packed` and `aside` are as large as they are indexed.
        unsafe {
            let mut k0 = 0;
            loop {
                let k1 = depth.min(k0 + DEPTH);
                pack::pixels::<S>(src.as_ptr(), &taps[k0..k1], runs, packed.as_mut_ptr());
                let last = k1 == depth;
                // Which stays in the first-level cache: the panel while a small matrix passes by, or a tile of a large
                // one.
                let tiles = self.tiles.1 - self.tiles.0;
                let panel_first = rows * (k1 - k0) <= 64 * 1024;
                for i in 0..panels * tiles {
                    let (p, t) = if panel_first { (i / tiles, i % tiles) } else { (i % panels, i / panels) };
                    let (m0, m1) = tile::split(m, self.tiles.0 + t);
                    let mr = m1 - m0;
                    let (a, a_row, a_k) = if is_packed {
                        (whole_matrix.add(m0 * depth + k0 * mr), 1, mr)
                    } else {
                        (whole_matrix.add(m0 * depth + k0), depth, 1)
                    };
                    let panel = packed.as_ptr().add(p * (k1 - k0) * 2 * l);
                    let (c, c_row) = if direct(p) {
                        (self.dst.ptr().add(runs[2 * p].dst[0] + m0 * dst_plane), dst_plane)
                    } else {
                        (aside.as_mut_ptr().add((p * rows + m0 - first_row) * 2 * l), 2 * l)
                    };
                    let finish = Finish {
                        accumulate: k0 > 0,
                        bias: match bias {
                            Some(b) if last => b.as_ptr().add(m0),
                            _ => std::ptr::null(),
                        },
                        relu: relu && last,
                    };
                    // A closure around this call would not be compiled with the processor's features.
                    tile::tile::<S>(mr, k1 - k0, a, a_row, a_k, Rows::Panel(panel), c, c_row, finish);
                }
                if last {
                    break;
                }
                k0 = k1;
            }
            for p in (0..panels).filter(|&p| !direct(p)) {
                for row in 0..rows {
                    let to = self.dst.ptr().add((first_row + row) * dst_plane);
                    for h in 0..2 {
                        let run = &runs[2 * p + h];
                        let from = aside.as_mut_ptr().add((p * rows + row) * 2 * l + h * l);
                        if run.dst_whole {
                            S::store(to.add(run.dst[0]), S::load(from));
                        } else {
                            for lane in 0..run.count {
                                *to.add(run.dst[lane]) = *from.add(lane);
                            }
                        }
                    }
                }
            }
        }
    }
}

//! Products of a matrix with pixels gathered by taps: `y[m][q] = sum over k of a[m][k] * src[tap[k] + at(q)]`. A
//! convolution and its input gradient are of this form; see [`correlation`](super::correlation) for the weight
//! gradient. Which kernel computes one is in [`plan`](super::plan).

pub(crate) mod lines;
pub(crate) mod pack;
pub(crate) mod pairs;
pub(crate) mod panels;
pub(crate) mod tile;
pub(crate) mod tile_matrix;

use super::parallel;
use super::scratch::Scratch;
use super::simd::Vectors;
use super::uncleared::Shared;
use crate::ops::epilogue::Epilogue;
use pack::Grid;
use tile::Tiles;
use tile_matrix::TileMatrix;

/// Most words a panel is deep: two vectors of 256 are 16 KB, half of a first-level cache.
pub(crate) const DEPTH: usize = 256;

/// The matrix of a product.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// Row-major, with the step from row to row.
    Rows(&'a [f32], usize),
    /// [`Tiles`] one after another, each `[k][row]`.
    Packed(&'a [f32]),
    /// For [tiles](super::tiles).
    Tiles(&'a TileMatrix),
}

/// The tiles of a matrix of `m` rows whose element (m, k) is `at(m, k)`, for these vectors.
pub(crate) fn pack_matrix(
    m: usize,
    depth: usize,
    vectors: Vectors,
    at: impl Fn(usize, usize) -> f32 + Sync,
) -> Scratch {
    let mut packed = Scratch::new(m * depth);
    let to = Shared::of(&mut packed);
    let tiles = Tiles::of(m, vectors.lanes());
    parallel::for_each(tiles.count, |i| {
        let (m0, m1) = tiles.rows(i);
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

/// Columns that a task of [`pack_columns`] takes.
const COLUMNS: usize = 64;

/// As [`pack_matrix`], of a matrix that stands column by column in memory: element (m, k) at `columns[k] + m * row`.
pub(crate) fn pack_columns(m: usize, data: &[f32], columns: &[usize], row: usize, vectors: Vectors) -> Scratch {
    let (depth, tiles) = (columns.len(), Tiles::of(m, vectors.lanes()));
    let mut packed = Scratch::new(m * depth);
    let to = Shared::of(&mut packed);
    // by columns, so that each is read in one go
    parallel::for_each(depth.div_ceil(COLUMNS), |task| {
        let range = task * COLUMNS..depth.min((task + 1) * COLUMNS);
        for i in 0..tiles.count {
            let (m0, m1) = tiles.rows(i);
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
///
/// A kernel's `run` writes it to a destination where rows `m` and grid positions say. Its contract is one for all
/// kernels: every address that taps, grid and planes give lies inside the source and the destination; a packed matrix
/// was packed for the vectors that the kernel runs with, and by [`pairs`] where that is the kernel.
pub(crate) struct Product<'a> {
    pub matrix: Matrix<'a>,
    pub m: usize,
    /// Where each tap's pixels start in the source.
    pub taps: &'a [usize],
    pub src: &'a [f32],
    pub grid: Grid,
    /// From one row `m` of the result to the next in the destination.
    pub dst_plane: usize,
    /// What is done to the result: a bias for each row, a residual that lies as the destination does.
    pub epilogue: Epilogue<&'a [f32]>,
}

//! The product that sums over positions: `c[m][n] = sum over q of a[m][q] * src[tap[n] + at(q)]`, a convolution's
//! weight gradient. Which kernel computes one is in [`plan`](super::plan).

pub(crate) mod dots;
pub(crate) mod pairs;
pub(crate) mod panels;

use super::gemm::pack::Grid;

/// A product that sums over positions: `c[m][n] = sum over q of a[m][q] * src[taps[n] + at(q)]`, where the rows of `a`
/// lie in planes as the grid's destination says (rows merged, columns neighbors).
///
/// A kernel's `run` writes `c`, `(m, taps)` row-major, each sum in an order that never changes. Its contract is one for
/// all kernels: every address that taps, grid and planes give lies inside the source and `a`; `c` holds `m * taps`
/// floats.
#[derive(Clone, Copy)]
pub(crate) struct Correlation<'a> {
    pub a: &'a [f32],
    /// From row `m` of `a` to the next.
    pub a_plane: usize,
    pub m: usize,
    pub taps: &'a [usize],
    pub src: &'a [f32],
    pub grid: Grid,
}

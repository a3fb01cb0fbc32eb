//! The innermost loop of every product here: a tile of `mr` rows by two vectors kept in registers.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::simd::Simd;
use crate::ops::epilogue::Epilogue;

/// Most rows of a tile: with two vectors for each, 12 of AVX2's 16 registers add up.
pub(crate) const MR: usize = 6;

/// Rows of the `i`-th of the tiles that `m` rows are cut into: as even as can be, since a tile of one row wastes most
/// of a pass.
pub(crate) fn split(m: usize, i: usize) -> (usize, usize) {
    let tiles = m.div_ceil(MR);
    (m * i / tiles, m * (i + 1) / tiles)
}

/// Where the rows of two vectors lie that a tile sums over.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    /// One after another.
    Panel(*const f32),
    /// Each `taps[k]` behind the base.
    At { base: *const f32, taps: *const usize },
}

/// Where a tile's sums start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    /// From nothing.
    New,
    /// From what stands at the destination.
    Continued,
}

/// `c[m][0 .. 2 LANES] = sum over k of a[m * a_row + k * a_k] * b[k][0 .. 2 LANES]`, then the
/// epilogue: its bias has a value for each row, its residual lies as `c` does.
///
/// # Safety
/// All that is addressed lies inside the buffers; `mr` is 1 to [`MR`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn tile<S: Simd>(
    mr: usize,
    depth: usize,
    a: *const f32,
    a_row: usize,
    a_k: usize,
    b: Rows,
    c: *mut f32,
    c_row: usize,
    sum_from: Sum,
    epilogue: Epilogue<*const f32>,
) {
    // SAFETY: the caller's contract.
    unsafe {
        match mr {
            1 => fixed::<S, 1>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
            2 => fixed::<S, 2>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
            3 => fixed::<S, 3>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
            4 => fixed::<S, 4>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
            5 => fixed::<S, 5>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
            _ => fixed::<S, 6>(depth, a, a_row, a_k, b, c, c_row, sum_from, epilogue),
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn fixed<S: Simd, const M: usize>(
    depth: usize,
    a: *const f32,
    a_row: usize,
    a_k: usize,
    b: Rows,
    c: *mut f32,
    c_row: usize,
    sum_from: Sum,
    epilogue: Epilogue<*const f32>,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let zero = S::splat(0.0);
        let mut sum = [[zero; 2]; M];
        let mut a_at = a;
        for k in 0..depth {
            let row = match b {
                Rows::Panel(first) => first.add(k * 2 * S::LANES),
                Rows::At { base, taps } => base.add(*taps.add(k)),
            };
            let (b0, b1) = (S::load(row), S::load(row.add(S::LANES)));
            for m in 0..M {
                let x = S::splat(*a_at.add(m * a_row));
                sum[m][0] = S::fma(x, b0, sum[m][0]);
                sum[m][1] = S::fma(x, b1, sum[m][1]);
            }
            a_at = a_at.add(a_k);
        }
        for m in 0..M {
            for v in 0..2 {
                let to = c.add(m * c_row + v * S::LANES);
                let mut x = sum[m][v];
                if sum_from == Sum::Continued {
                    x = S::add(S::load(to), x);
                }
                if let Some(bias) = epilogue.bias {
                    x = S::add(x, S::splat(*bias.add(m)));
                }
                if let Some(residual) = epilogue.residual {
                    x = S::add(x, S::load(residual.add(m * c_row + v * S::LANES)));
                }
                S::store(to, activated_lanes::<S>(epilogue.activation, x));
            }
        }
    }
}

//! Winograd's points, and what is evaluated there: filters, pixels, and the tiles that come back.
//!
//! The points are 0, ±[`A`], ±[`B`] and infinity. With 0, ±1, ±2, those of Lavin and Gray, sums of 256 products in f32
//! are off by four times as much as the convolution's own, with these by twice as much.

use super::super::{depthwise::TAPS, tile::BLOCKS};
use super::{ALL, POINTS, SIDE};
use crate::ops::cpu::parallel;
use crate::ops::cpu::simd::Simd;
use crate::ops::cpu::uncleared::{Shared, filled};
use crate::ops::shapes::{ConvParams, elements};
use candle_core::Result;
use std::ops::Range;

const A: f32 = 0.75;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;

/// Filters that are evaluated at once: groups have a multiple of as many.
const AT_ONCE: usize = 8;

/// Channels that pay, of the source and of the result.
const CHANNELS: Range<usize> = 32..385;
/// Of both such a multiple, so that no block of any width has lanes without a channel.
const MULTIPLE: usize = 16;

/// Whether filters `(O, C, KH, KW)` are those of such a convolution, and worth it.
pub(crate) fn pay([o, c, kh, kw]: [usize; 4], p: ConvParams) -> bool {
    let same = ConvParams { stride: 1, padding: 1, dilation: 1, groups: 1 };
    (kh, kw, p) == (3, 3, same) && [o, c].into_iter().all(|n| CHANNELS.contains(&n) && n.is_multiple_of(MULTIPLE))
}

/// Filters at all points, for plans.
#[derive(Debug)]
pub(crate) struct Filters(pub(super) Vec<f32>);

impl Filters {
    /// The filters `w (O, C, 3, 3)`.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn new(w: &[f32], o: usize, c: usize, lanes: usize) -> Result<Self> {
        let taps = |o, i| std::array::from_fn(|tap| w[(o * c + i) * TAPS + tap]);
        // SAFETY: all are written.
        unsafe { filled(floats(o, c)?, |to| evaluate([o, c], lanes, taps, to)) }.map(Self)
    }
}

/// Floats that filters of so many output and input channels take.
///
/// # Errors
/// More than can be counted.
pub(crate) fn floats(o: usize, c: usize) -> Result<usize> {
    elements("filters", &[o, c, ALL])
}

/// Evaluates the filters of `o` outputs, for each and each of `c` inputs nine taps, in the order
/// `[group][point][input channel][lane]`.
///
/// # Safety
/// There is room for [`floats`], which nothing else touches; they [`pay`].
pub(crate) unsafe fn evaluate(
    [o, c]: [usize; 2],
    lanes: usize,
    taps: impl Fn(usize, usize) -> [f32; TAPS] + Send + Sync,
    to: Shared,
) {
    parallel::for_each(o.div_ceil(BLOCKS * lanes), |group| {
        let first = group * BLOCKS * lanes;
        let width = (BLOCKS * lanes).min(o - first);
        // SAFETY: one group per task.
        let all = unsafe { to.part(first * c * ALL, width * c * ALL) };
        for (i, lane) in (0..c).flat_map(|i| (0..width).step_by(AT_ONCE).map(move |lane| (i, lane))) {
            let mut filters = [[0.0; AT_ONCE]; TAPS];
            for n in 0..AT_ONCE {
                for (filter, tap) in filters.iter_mut().zip(taps(first + lane + n, i)) {
                    filter[n] = tap;
                }
            }
            let columns: [_; 3] = std::array::from_fn(|x| evaluated([filters[x], filters[3 + x], filters[6 + x]]));
            for y in 0..POINTS {
                for (x, values) in evaluated([columns[0][y], columns[1][y], columns[2][y]]).iter().enumerate() {
                    let at = ((y * POINTS + x) * c + i) * width + lane;
                    if let Some(to) = all[at..].first_chunk_mut() {
                        *to = *values;
                    }
                }
            }
        }
    });
}

/// Polynomials' values at the points, divided by what interpolation would multiply by.
#[inline(always)]
fn evaluated([p, q, r]: [[f32; AT_ONCE]; 3]) -> [[f32; AT_ONCE]; POINTS] {
    let even = |xx: f32, by: f32| std::array::from_fn::<f32, AT_ONCE, _>(|i| (p[i] + xx * r[i]) * by);
    let odd = |x: f32, by: f32| std::array::from_fn::<f32, AT_ONCE, _>(|i| x * by * q[i]);
    let (of_a, of_b) = (1.0 / (2.0 * AA * (AA - BB)), 1.0 / (2.0 * BB * (BB - AA)));
    let (even_a, odd_a, even_b, odd_b) = (even(AA, of_a), odd(A, of_a), even(BB, of_b), odd(B, of_b));
    [
        std::array::from_fn(|i| p[i] * (1.0 / (AA * BB))),
        std::array::from_fn(|i| even_a[i] + odd_a[i]),
        std::array::from_fn(|i| even_a[i] - odd_a[i]),
        std::array::from_fn(|i| even_b[i] + odd_b[i]),
        std::array::from_fn(|i| even_b[i] - odd_b[i]),
        r,
    ]
}

/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
pub(super) unsafe fn at_points<S: Simd>(d: [S::V; POINTS]) -> [S::V; POINTS] {
    // SAFETY: the caller's contract.
    unsafe {
        let times = |by: f32, x: S::V, y: S::V| S::fma(S::splat(by), x, y);
        let (of_a, odd_a) = (times(-BB, d[2], d[4]), times(-BB, d[1], d[3]));
        let (of_b, odd_b) = (times(-AA, d[2], d[4]), times(-AA, d[1], d[3]));
        [
            times(AA * BB, d[0], times(-(AA + BB), d[2], d[4])),
            times(A, odd_a, of_a),
            times(-A, odd_a, of_a),
            times(B, odd_b, of_b),
            times(-B, odd_b, of_b),
            times(AA * BB, d[1], times(-(AA + BB), d[3], d[5])),
        ]
    }
}

/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
pub(super) unsafe fn interpolated<S: Simd>(m: [S::V; POINTS]) -> [S::V; SIDE] {
    // SAFETY: the caller's contract.
    unsafe {
        let times = |by: f32, x: S::V, y: S::V| S::fma(S::splat(by), x, y);
        let (even_a, odd_a) = (S::add(m[1], m[2]), times(-1.0, m[2], m[1]));
        let (even_b, odd_b) = (S::add(m[3], m[4]), times(-1.0, m[4], m[3]));
        let zero = S::splat(0.0);
        [
            S::add(m[0], S::add(even_a, even_b)),
            times(A, odd_a, times(B, odd_b, zero)),
            times(AA, even_a, times(BB, even_b, zero)),
            times(AA * A, odd_a, times(BB * B, odd_b, m[5])),
        ]
    }
}

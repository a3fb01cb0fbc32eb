//! Winograd's points, and what is evaluated there: filters once, pixels each time, and the tiles that come back.
//!
//! The points are 0, ±[`A`], ±[`B`] and infinity. With 0, ±1, ±2, those of Lavin and Gray, sums of 256 products in f32
//! are off by four times as much as the convolution's own, with these by twice as much.

use super::super::tile::BLOCKS;
use super::{ALL, POINTS, SIDE};
use crate::ops::cpu::simd::Simd;
use crate::ops::cpu::uncleared::room;
use crate::ops::shapes::elements;
use candle_core::Result;
use std::ops::Range;

const A: f32 = 0.75;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;

/// Channels that pay, of the source and of the result.
const CHANNELS: Range<usize> = 32..385;
/// Of both such a multiple, so that no block of any width has lanes without a channel.
const MULTIPLE: usize = 16;

/// Filters at all points.
#[derive(Debug)]
pub(crate) struct Filters(pub(super) Vec<f32>);

impl Filters {
    /// Whether filters of so many output and input channels are worth it.
    pub(crate) fn pay(o: usize, c: usize) -> bool {
        [o, c].into_iter().all(|n| CHANNELS.contains(&n) && n.is_multiple_of(MULTIPLE))
    }

    /// The filters `w (O, C, 3, 3)`.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn new(w: &[f32], o: usize, c: usize, lanes: usize) -> Result<Self> {
        let mut all = room(elements("filters", &[o, c, ALL])?)?;
        all.resize(o * c * ALL, 0.0);
        for group in (0..o).step_by(BLOCKS * lanes) {
            let width = (BLOCKS * lanes).min(o - group);
            for (n, i) in (0..width).flat_map(|n| (0..c).map(move |i| (n, i))) {
                let filter = &w[((group + n) * c + i) * 9..][..9];
                let rows: [[f64; 3]; POINTS] = evaluated(|y| [0, 1, 2].map(|x| f64::from(filter[y * 3 + x])));
                for (y, row) in rows.into_iter().enumerate() {
                    for (x, [value]) in evaluated(|x| [row[x]]).into_iter().enumerate() {
                        let point = y * POINTS + x;
                        all[group * c * ALL + (point * c + i) * width + n] = value as f32;
                    }
                }
            }
        }
        Ok(Self(all))
    }
}

/// A polynomial's values at the points, divided by what interpolation would multiply by: in f64, since this is done
/// once.
fn evaluated<const N: usize>(of: impl Fn(usize) -> [f64; N]) -> [[f64; N]; POINTS] {
    let (a, b) = (f64::from(A), f64::from(B));
    let (aa, bb) = (a * a, b * b);
    let at = |x: f64, by: f64| {
        let [p, q, r] = [of(0), of(1), of(2)];
        std::array::from_fn(|i| (p[i] + x * (q[i] + x * r[i])) / by)
    };
    let (of_a, of_b) = (2.0 * aa * (aa - bb), 2.0 * bb * (bb - aa));
    [at(0.0, aa * bb), at(a, of_a), at(-a, of_a), at(b, of_b), at(-b, of_b), of(2)]
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

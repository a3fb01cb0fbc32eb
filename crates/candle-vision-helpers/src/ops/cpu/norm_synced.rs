//! Normalization by the statistics of several ranks: one pass for a rank's own sums, one sum over the ranks, and one
//! pass that scales. Nothing is kept in cache in between, as [`norm::train`](super::norm::train) does.

use super::norm::{Moments, Spread, scale_channel};
use super::parallel;
use super::simd::Vectors;
use super::uncleared::filled;
use crate::ops::epilogue::Epilogue;
use crate::ops::reduce::Reduce;
use crate::ops::shapes::Planes;
use candle_core::Result;

/// Numbers of each channel that are summed over the ranks.
const SUMS: usize = 3;

/// The result for this rank's part `x` and the statistics of all parts; `both` is gamma, then beta.
pub(crate) fn train(
    s: &Planes,
    x: &[f32],
    both: &[f32],
    eps: f64,
    epilogue: Epilogue<&[f32]>,
    reduce: &dyn Reduce,
) -> Result<(Vec<f32>, Moments)> {
    let vectors = Vectors::in_use();
    let mut sums = parallel::map(s.c, |c| own_sums(vectors, s, c, x)).concat();
    sums.push(s.count() as f64);
    reduce.sum(&mut sums)?;
    let count = sums.pop().unwrap_or_default();
    let of_channels: Vec<(f64, f64)> = sums.chunks_exact(SUMS).map(|of| moments(of, count)).collect();
    let affine = |(c, &(mean, var)): (usize, &(f64, f64))| {
        let scale = f64::from(both[c]) / (var + eps).sqrt();
        let shift = f64::from(both[s.c + c]) - f64::from(mean as f32) * scale;
        (scale as f32, shift as f32)
    };
    let (scales, shifts): (Vec<f32>, Vec<f32>) = of_channels.iter().enumerate().map(affine).unzip();
    // SAFETY: every channel writes all of its planes.
    let y = unsafe {
        filled(x.len(), |y| {
            parallel::for_each(s.c, |c| scale_channel(vectors, s, c, x, [scales[c], shifts[c]], epilogue, y));
        })?
    };
    let (mean, var) = of_channels.iter().map(|&(mean, var)| (mean as f32, var as f32)).unzip();
    Ok((y, Moments { mean, var, count, affine: [scales, shifts].concat() }))
}

/// Of a channel: the sum, the sum of squares around the rank's own mean, and the square of that mean, times the count.
fn own_sums(vectors: Vectors, s: &Planes, c: usize, x: &[f32]) -> [f64; SUMS] {
    let count = s.count() as f64;
    let spread = |mean| vectors.run(Spread { s, x: x[c * s.plane..].as_ptr(), mean });
    let sum = spread(0.0).0;
    let mean = sum / count;
    let (off, squares) = spread(mean as f32);
    // the mean was rounded: `off` is what that left over
    [sum, squares - off * off / count, mean * mean * count]
}

/// Mean and biased variance of all parts (Chan, Golub and LeVeque 1979): the squares within them and between their
/// means.
fn moments(sums: &[f64], count: f64) -> (f64, f64) {
    let [sum, within, of_means] = [sums[0], sums[1], sums[2]];
    let mean = sum / count;
    let var = (within + (of_means - mean * mean * count)) / count;
    // `max` would swallow NaN
    (mean, if var < 0.0 { 0.0 } else { var })
}

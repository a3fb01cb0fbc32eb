//! Normalization by the statistics of several ranks: one pass for a rank's own sums, one sum over the ranks, and one
//! pass that scales. Nothing is kept in cache in between, as [`Forward::train`] does.

use super::norm::{Forward, Moments, Spread};
use super::parallel;
use super::simd::Vectors;
use super::uncleared::filled;
use crate::ops::reduce::Reduce;
use candle_core::Result;

/// Numbers of each channel that are summed over the ranks.
const SUMS: usize = 3;

impl Forward<'_> {
    /// The result for this rank's part `x` and the statistics of all parts.
    pub(crate) fn train_synced(&self, eps: f64, reduce: &dyn Reduce) -> Result<(Vec<f32>, Moments)> {
        let (s, vectors) = (&self.planes, Vectors::in_use());
        let mut sums = parallel::map(s.c, |c| self.own_sums(vectors, c)).concat();
        sums.push(s.count() as f64);
        reduce.sum(&mut sums)?;
        let count = sums.pop().unwrap_or_default();
        let of_channels: Vec<(f64, f64)> = sums.chunks_exact(SUMS).map(|of| moments(of, count)).collect();
        // SAFETY: every channel writes all of its planes.
        let y = unsafe {
            filled(self.x.len(), |y| {
                parallel::for_each(s.c, |c| {
                    let (mean, var) = of_channels[c];
                    self.normalize(vectors, c, [f64::from(mean as f32), var + eps], y);
                });
            })?
        };
        let (mean, var) = of_channels.iter().map(|&(mean, var)| (mean as f32, var as f32)).unzip();
        Ok((y, Moments { mean, var, count }))
    }

    /// Of a channel: the sum, the sum of squares around the rank's own mean, and the square of that mean, times the
    /// count.
    fn own_sums(&self, vectors: Vectors, c: usize) -> [f64; SUMS] {
        let s = &self.planes;
        let count = s.count() as f64;
        let spread = |mean| vectors.run(Spread { s, x: self.x[c * s.plane..].as_ptr(), mean });
        let sum = spread(0.0).0;
        let mean = sum / count;
        let (off, squares) = spread(mean as f32);
        // the mean was rounded: `off` is what that left over
        [sum, squares - off * off / count, mean * mean * count]
    }
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

//! Statistics of a batch whose parts lie on several ranks, by operations that every device has, so that no number has
//! to come to the host: what a kernel found of a rank's own part goes in, what the next kernel takes comes out.

use super::reduce::{self, Reduce};
use candle_core::{DType, Result, Tensor};

/// The statistics of all parts, and what they make of the normalization.
pub(crate) struct Whole {
    /// `(C)`, f32.
    pub mean: Tensor,
    /// `(C)`, f32: the unbiased variance.
    pub var: Tensor,
    /// `(3 C)`, f32: `1 / sqrt(var + eps)` by the biased variance, scale, shift.
    pub saved: Tensor,
    /// `(1)`, f64: the values of a channel.
    pub count: Tensor,
}

/// Of `own`, mean and unbiased variance `(C)` of this rank's `count` values of each channel; `both (2 C)` is gamma,
/// then beta. Within the parts and between their means (Chan, Golub and LeVeque 1979), in double precision.
pub(crate) fn statistics(by: &dyn Reduce, own: &[Tensor; 2], count: usize, both: &Tensor, eps: f64) -> Result<Whole> {
    let (c, n) = (own[0].elem_count(), count as f64);
    let (mean, var) = (own[0].to_dtype(DType::F64)?, own[1].to_dtype(DType::F64)?);
    let parts = [(&mean * n)?, (var * (n - 1.0))?, (mean.sqr()? * n)?, Tensor::full(n, 1, mean.device())?];
    let sums = reduce::sum(by, &Tensor::cat(&parts, 0)?)?;
    let count = sums.narrow(0, 3 * c, 1)?;
    let mean = sums.narrow(0, 0, c)?.broadcast_div(&count)?;
    // rounding may bring it below 0, and a maximum would swallow NaN
    let between = (sums.narrow(0, 2 * c, c)? - mean.sqr()?.broadcast_mul(&count)?)?.abs()?;
    let squares = (sums.narrow(0, c, c)? + between)?;
    let inverse = (squares.broadcast_div(&count)? + eps)?.sqrt()?.recip()?;
    let var = squares.broadcast_div(&(&count - 1.0)?)?.to_dtype(DType::F32)?;
    let both = both.to_dtype(DType::F64)?;
    let mean = mean.to_dtype(DType::F32)?;
    let scale = (both.narrow(0, 0, c)? * &inverse)?;
    // of the mean that is kept, rounded
    let shift = (both.narrow(0, c, c)? - (mean.to_dtype(DType::F64)? * &scale)?)?;
    let saved = Tensor::cat(&[inverse, scale, shift], 0)?.to_dtype(DType::F32)?;
    Ok(Whole { mean, var, saved, count })
}

/// What all ranks together have in `own`, of f32, sums over their parts of a channel, divided by its values.
pub(crate) fn means(by: &dyn Reduce, own: &Tensor, count: &Tensor) -> Result<Tensor> {
    reduce::sum(by, &own.to_dtype(DType::F64)?)?.broadcast_div(count)?.to_dtype(DType::F32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use std::sync::Mutex;

    /// One of two ranks: what it hears of the other, and what it said itself.
    #[derive(Default)]
    struct Rank {
        hears: Vec<f64>,
        said: Mutex<Vec<f64>>,
    }

    impl Reduce for Rank {
        fn sum(&self, values: &mut [f64]) -> Result<()> {
            if let Ok(mut said) = self.said.lock() {
                said.clear();
                said.extend_from_slice(values);
            }
            values.iter_mut().zip(&self.hears).for_each(|(value, other)| *value += other);
            Ok(())
        }
    }

    /// What each of two ranks gets when both call `f`.
    fn on_both<T>(f: impl Fn(usize, &dyn Reduce) -> Result<T>) -> Result<[T; 2]> {
        let said = |of: usize| -> Result<Vec<f64>> {
            let alone = Rank::default();
            f(of, &alone)?;
            Ok(alone.said.into_inner().unwrap_or_default())
        };
        let hearing = |of: usize| -> Result<T> { f(of, &Rank { hears: said(1 - of)?, ..Rank::default() }) };
        Ok([hearing(0)?, hearing(1)?])
    }

    const EPS: f64 = 1e-3;

    /// Mean and the sum of squares around it.
    fn moments(values: &[f32]) -> (f64, f64) {
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum())
    }

    #[test]
    fn parts_of_a_batch_have_the_statistics_of_the_batch() -> Result<()> {
        // two channels on two ranks; the second one's mean is far from 0 and the same on both
        let parts: [[&[f32]; 2]; 2] = [[&[1.0, 2.0, 4.0], &[99.0, 100.0, 101.0]], [&[-3.0, 5.0], &[98.0, 102.0]]];
        let both = Tensor::new(&[2f32, 3.0, 0.5, -0.5], &Device::Cpu)?;
        let found = on_both(|rank, by| {
            let of = parts[rank].map(moments);
            let n = parts[rank][0].len();
            let mean = Tensor::new(&of.map(|m| m.0 as f32), &Device::Cpu)?;
            let var = Tensor::new(&of.map(|m| (m.1 / (n - 1) as f64) as f32), &Device::Cpu)?;
            statistics(by, &[mean, var], n, &both, EPS)
        })?;
        let mut expected: [Vec<f64>; 5] = Default::default();
        for channel in 0..2 {
            let (mean, squares) = moments(&[parts[0][channel], parts[1][channel]].concat());
            let inverse = 1.0 / (squares / 5.0 + EPS).sqrt();
            let (gamma, beta) = ([2.0, 3.0][channel], [0.5, -0.5][channel]);
            let numbers = [mean, squares / 4.0, inverse, gamma * inverse, beta - mean * gamma * inverse];
            expected.iter_mut().zip(numbers).for_each(|(all, number)| all.push(number));
        }
        let expected = expected.concat();
        for Whole { mean, var, saved, count } in &found {
            let got = Tensor::cat(&[mean, var, saved], 0)?.to_vec1::<f32>()?;
            for (got, expected) in got.iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() < 1e-6 * expected.abs().max(1.0), "{got}, not {expected}");
            }
            assert_eq!((got.len(), count.to_vec1::<f64>()?), (10, vec![5.0]));
        }
        Ok(())
    }

    #[test]
    fn a_number_that_is_none_shows_on_every_rank() -> Result<()> {
        let both = Tensor::new(&[1f32, 0.0], &Device::Cpu)?;
        let found = on_both(|rank, by| {
            let value = if rank == 0 { f32::NAN } else { 1.0 };
            statistics(by, &[Tensor::new(&[value], &Device::Cpu)?, Tensor::new(&[value], &Device::Cpu)?], 4, &both, EPS)
        })?;
        for Whole { mean, var, saved, .. } in &found {
            let got = Tensor::cat(&[mean, var, saved], 0)?.to_vec1::<f32>()?;
            assert!(got.iter().all(|v| v.is_nan()), "{got:?}");
        }
        Ok(())
    }

    #[test]
    fn sums_become_means_over_all_ranks() -> Result<()> {
        let count = Tensor::new(&[8f64], &Device::Cpu)?;
        let found =
            on_both(|rank, by| means(by, &Tensor::new(&[[2f32, -6.0], [10.0, 4.0]][rank], &Device::Cpu)?, &count))?;
        for means in &found {
            assert_eq!(means.to_vec1::<f32>()?, [1.5, -0.25]);
        }
        Ok(())
    }
}

//! 3×3 convolutions, which take fewer products, against the same in f64 and against themselves.

use crate::{
    at_every_level,
    common::{difference, random, values},
};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Frozen};

const SAME: ConvParams = ConvParams { stride: 1, padding: 1, dilation: 1, groups: 1 };

/// `x` and `weight` convolved in f64, one product after the other.
fn convolved(x: &Tensor, weight: &Tensor) -> Result<Vec<f64>> {
    let ((b, c, h, w), o) = (x.dims4()?, weight.dim(0)?);
    let framed = x.to_dtype(DType::F64)?.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.flatten_all()?;
    let (framed, weight) = (framed.to_vec1::<f64>()?, weight.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?);
    let mut y = Vec::with_capacity(b * o * h * w);
    for (n, o, row, column) in
        (0..b).flat_map(|n| (0..o).flat_map(move |o| (0..h).flat_map(move |r| (0..w).map(move |c| (n, o, r, c)))))
    {
        let line = |i: usize, dy: usize| &framed[((n * c + i) * (h + 2) + row + dy) * (w + 2) + column..][..3];
        let taps = (0..c).flat_map(|i| (0..3).map(move |dy| (i, dy)));
        let of_line = |(i, dy)| {
            let filter = &weight[((o * c + i) * 3 + dy) * 3..][..3];
            line(i, dy).iter().zip(filter).map(|(x, w)| x * w).sum::<f64>()
        };
        y.push(taps.map(of_line).sum());
    }
    Ok(y)
}

/// Relative to the largest value; sums of up to 128 x 9 products. The convolution's own are within 2e-6 of it.
#[test]
fn maps_are_those_of_a_convolution() -> Result<()> {
    at_every_level(|level| {
        for (c, o, h, w) in [(32, 32, 12, 12), (48, 80, 13, 18), (128, 32, 15, 14), (32, 48, 12, 41)] {
            let (x, weight) = (random(&[2, c, h, w], 1)?, random(&[o, c, 3, 3], 2)?);
            let y = Frozen::new().run(&x, |x| ops::conv2d(x, &weight, SAME, Epilogue::NONE))?;
            let off = difference(&y, &convolved(&x, &weight)?)?;
            assert!(off < 4e-6, "{level:?}, {c} to {o} channels, {h}x{w}: off by {off}");
        }
        Ok(())
    })
}

#[test]
fn bias_residual_and_activation_come_behind_and_threads_change_nothing() -> Result<()> {
    at_every_level(|level| {
        let (x, weight, bias) = (random(&[3, 48, 17, 14], 1)?, random(&[48, 48, 3, 3], 2)?, random(&[48], 3)?);
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let net = |x: &Tensor| {
                ops::conv2d(x, &weight, SAME, Epilogue { bias: Some(&bias), residual: Some(x), activation })
            };
            let (frozen, expected) = (Frozen::new(), net(&x)?);
            let y = frozen.run(&x, net)?;
            let off = values(&(&y - &expected)?.abs()?)?.into_iter().fold(0f32, f32::max);
            let largest = values(&expected)?.into_iter().fold(0f32, |most, v| most.max(v.abs()));
            assert!(off < 1e-5 * largest, "{level:?}, {activation:?}: off by {off} of {largest}");
            for threads in 1..=3 {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.map_err(candle_core::Error::wrap)?;
                let again = pool.install(|| values(&frozen.run(&x, net)?))?;
                let same = again.iter().zip(values(&y)?).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{level:?}, {activation:?}: {threads} threads");
            }
        }
        Ok(())
    })
}

#[test]
fn nan_reaches_at_least_as_far() -> Result<()> {
    at_every_level(|level| {
        let weight = random(&[32, 32, 3, 3], 1)?;
        let net = |x: &Tensor| ops::conv2d(x, &weight, SAME, Epilogue::RELU);
        for at in [0, 5 * 20 + 7, 32 * 20 * 20 - 1] {
            let mut x = values(&random(&[1, 32, 20, 20], 5)?)?;
            x[at] = f32::NAN;
            let x = Tensor::from_vec(x, (1, 32, 20, 20), &Device::Cpu)?;
            let (y, expected) = (values(&Frozen::new().run(&x, net)?)?, values(&net(&x)?)?);
            assert!(y.iter().zip(&expected).all(|(y, e)| y.is_nan() || !e.is_nan()), "{level:?} {at}");
            // a tile sees a pixel around it, and tiles have 4 x 4
            assert!(y.iter().filter(|v| v.is_nan()).count() <= 32 * 9 * 16, "{level:?} {at}");
        }
        Ok(())
    })
}

/// `weight` as the gradient of the input sees it: channels exchanged, taps turned round.
fn turned(weight: &Tensor) -> Result<Tensor> {
    let back = Tensor::new(&[2u32, 1, 0], &Device::Cpu)?;
    weight.transpose(0, 1)?.contiguous()?.index_select(&back, 2)?.index_select(&back, 3)
}

/// Relative to the largest value, as above. The map goes on beside the convolution, so that its gradient is added to
/// what comes from there.
#[test]
fn training_has_the_convolutions_map_and_gradient() -> Result<()> {
    at_every_level(|level| {
        for (b, c, o, h, w) in [(3, 32, 48, 13, 18), (1, 64, 32, 12, 12), (2, 48, 48, 17, 14)] {
            let (x, weight) = (Var::from_tensor(&random(&[b, c, h, w], 1)?)?, random(&[o, c, 3, 3], 2)?);
            let y = ops::conv2d(&x, &weight, SAME, Epilogue::NONE)?;
            let by = difference(&y, &convolved(&x, &weight)?)?;
            assert!(by < 4e-6, "{level:?}, {c} to {o} channels, {h}x{w}: off by {by}");
            let dy = random(&[b, o, h, w], 3)?;
            let mut sum = (&y * &dy)?.sum_all()?;
            let mut expected = convolved(&dy, &turned(&weight)?)?;
            if c == o {
                sum = (sum + (x.as_tensor() * &dy)?.sum_all()?)?;
                expected.iter_mut().zip(values(&dy)?).for_each(|(e, dy)| *e += f64::from(dy));
            }
            let grads = sum.backward()?;
            let Some(dx) = grads.get(&x) else { candle_core::bail!("no gradient") };
            let by = difference(dx, &expected)?;
            assert!(by < 4e-6, "{level:?}, {c} to {o} channels, {h}x{w}: the gradient is off by {by}");
        }
        Ok(())
    })
}

/// Of 14 pictures of 64 channels and 40x40 pixels five are computed at a time.
#[test]
fn a_picture_has_the_same_bits_in_any_batch_by_any_number_of_threads() -> Result<()> {
    at_every_level(|level| {
        let (x, weight) = (random(&[14, 64, 40, 40], 1)?, random(&[64, 64, 3, 3], 2)?);
        let net = |x: &Tensor| {
            let epilogue = Epilogue { bias: None, residual: Some(x), activation: Activation::Relu };
            ops::conv2d(x, &weight, SAME, epilogue)
        };
        let together = net(&x)?;
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.map_err(candle_core::Error::wrap)?.install(|| {
                for i in [0, 4, 5, 13] {
                    let one = x.narrow(0, i, 1)?.contiguous()?;
                    let (alone, among) = (net(&one)?, together.narrow(0, i, 1)?);
                    let same = values(&alone)?.iter().zip(values(&among)?).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{level:?}, {threads} threads, picture {i}");
                }
                Ok::<_, candle_core::Error>(())
            })?;
        }
        Ok(())
    })
}

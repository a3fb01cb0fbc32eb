//! Plans where they could go wrong: shared weights, maps with several readers, chunks of channels, absurd padding.

use crate::{
    Turn, at_every_level,
    common::{difference, random, values},
};
use candle_core::{Error, Result, Tensor};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Frozen};
use std::cell::Cell;

type Net<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

const SAME: ConvParams = ConvParams { stride: 1, padding: 1, dilation: 1, groups: 1 };

/// Panics where `network` by its plan gives something else than by itself, or has no plan.
fn planned(what: &str, x: &Tensor, network: Net<'_>) -> Result<()> {
    let calls = Cell::new(0);
    let counted = |x: &Tensor| {
        calls.set(calls.get() + 1);
        network(x)
    };
    let (expected, products) = ops::count_products(|| ops::no_grad(|| network(x)));
    let expected: Vec<f64> = values(&expected?)?.into_iter().map(f64::from).collect();
    let frozen = Frozen::new();
    for _ in 0..2 {
        let (y, by_plan) = ops::count_products(|| frozen.run(x, counted));
        assert_eq!(by_plan, products, "{what}");
        let off = difference(&y?, &expected)?;
        assert!(off < 2e-5, "{what}: off by {off}");
    }
    assert_eq!(calls.get(), 1, "{what}: no plan");
    Ok(())
}

/// One tensor is packed in two ways.
#[test]
fn a_weight_may_serve_two_kinds_of_convolution() -> Result<()> {
    at_every_level(|_| {
        let (x, w) = (random(&[3, 20, 6, 7], 1)?, (random(&[20, 20, 3, 3], 2)? * 0.1)?);
        let once = |x: &Tensor| ops::conv2d(x, &w, SAME, Epilogue::RELU);
        let doubled = |x: &Tensor| ops::upsample_nearest2_conv3(x, &w, Epilogue::RELU);
        planned("doubled first", &x, &|x| once(&doubled(x)?))?;
        planned("doubled last", &x, &|x| doubled(&once(x)?))
    })
}

/// The readers of one map need other borders, and the residual has another than the result: 3 channels, which
/// convolutions read in narrow blocks, and 16.
#[test]
fn maps_are_read_by_several_layers() -> Result<()> {
    at_every_level(|_| {
        for channels in [3, 16] {
            let x = random(&[2, channels, 9, 13], 1)?;
            let w = |kernel: usize| random(&[channels, channels, kernel, kernel], kernel as u64)? * 0.1;
            let (w1, w3, w5) = (w(1)?, w(3)?, w(5)?);
            let wide = ConvParams { padding: 2, ..SAME };
            let thin = ConvParams { padding: 0, ..SAME };
            let net = |x: &Tensor| {
                let a = ops::conv2d(x, &w5, wide, Epilogue { residual: Some(x), ..Epilogue::RELU })?;
                let b = ops::conv2d(&a, &w1, thin, Epilogue::NONE)?;
                let c = ops::conv2d(&a, &w5, wide, Epilogue { residual: Some(&b), ..Epilogue::RELU6 })?;
                ops::conv2d(&c, &w3, SAME, Epilogue { residual: Some(&a), ..Epilogue::NONE })
            };
            planned(&format!("{channels} channels"), &x, &net)?;
            let plain =
                |x: &Tensor| ops::conv2d(&ops::conv2d(x, &w5, wide, Epilogue::RELU)?, &w3, SAME, Epilogue::NONE);
            planned(&format!("{channels} channels, no residual"), &x, &plain)?;
        }
        Ok(())
    })
}

/// More channels than weights fit near: the result is summed up in several goes.
#[test]
fn many_channels_are_taken_in_parts() -> Result<()> {
    at_every_level(|_| {
        for (channels, kernel, stride) in [(700, 1, 1), (130, 3, 1), (130, 3, 2), (40, 5, 1)] {
            let x = random(&[1, channels, 7, 11], 1)?;
            let scale = 1.0 / ((channels * kernel * kernel) as f64).sqrt();
            let (w, b) = ((random(&[33, channels, kernel, kernel], 2)? * scale)?, random(&[33], 3)?);
            let p = ConvParams { stride, padding: kernel / 2, ..SAME };
            let epilogue = || Epilogue { bias: Some(&b), residual: None, activation: Activation::Relu };
            planned(&format!("{channels} {kernel} {stride}"), &x, &|x| ops::conv2d(x, &w, p, epilogue()))?;
        }
        Ok(())
    })
}

#[test]
fn nan_goes_through_doubled_maps_residuals_and_strides() -> Result<()> {
    at_every_level(|level| {
        let w = |seed: u64| random(&[20, 20, 3, 3], seed)? * 0.1;
        let (w1, w2) = (w(1)?, w(2)?);
        let half = ConvParams { stride: 2, ..SAME };
        let net = |x: &Tensor| {
            let small = ops::conv2d(x, &w1, half, Epilogue::RELU)?;
            ops::upsample_nearest2_conv3(&small, &w2, Epilogue { residual: Some(x), ..Epilogue::RELU6 })
        };
        let mut x = values(&random(&[1, 20, 16, 24], 5)?)?;
        x[5 * 16 * 24 + 200] = f32::NAN;
        let x = Tensor::from_vec(x, (1, 20, 16, 24), &candle_core::Device::Cpu)?;
        let places = |t: &Tensor| -> Result<Vec<bool>> { Ok(values(t)?.iter().map(|v| v.is_nan()).collect()) };
        let expected = places(&ops::no_grad(|| net(&x))?)?;
        assert!(expected.iter().any(|n| *n) && !expected.iter().all(|n| *n));
        assert_eq!(places(&Frozen::new().run(&x, net)?)?, expected, "{level:?}");
        Ok(())
    })
}

/// The network's own kernels never lay the padded map out.
#[test]
fn absurd_padding_is_left_to_the_network() -> Result<()> {
    let _turn = Turn::take();
    let (x, w) = (random(&[1, 16, 2, 2], 1)?, random(&[16, 16, 1, 1], 2)?);
    for (stride, padding) in [(10_001, 10_000), (1 << 29, (1 << 29) - 1)] {
        let net = |x: &Tensor| ops::conv2d(x, &w, ConvParams { stride, padding, ..SAME }, Epilogue::NONE);
        let expected = values(&net(&x)?)?;
        assert_eq!(values(&Frozen::new().run(&x, net)?)?, expected);
    }
    Ok(())
}

/// A picture that is its own filter is another one the next time.
#[test]
fn weights_that_depend_on_the_picture_are_left_to_the_network() -> Result<()> {
    let _turn = Turn::take();
    let own = |x: &Tensor| ops::conv2d(x, x, ConvParams::default(), Epilogue::NONE);
    let frozen = Frozen::new();
    for seed in [2, 3] {
        let x = random(&[1, 4, 3, 3], seed)?;
        assert_eq!(values(&frozen.run(&x, own)?)?, values(&own(&x)?)?);
    }
    Ok(())
}

/// Threads that ask for plans of several sizes at the same time, more sizes than are kept.
#[test]
fn plans_are_shared_by_threads_and_forgotten_when_there_are_many() -> Result<()> {
    let _turn = Turn::take();
    let w = random(&[20, 3, 3, 3], 1)?;
    let net = |x: &Tensor| ops::conv2d(x, &w, SAME, Epilogue::RELU);
    let frozen = Frozen::new();
    let one = &|side: usize| -> Result<()> {
        let x = random(&[2, 3, side, side + 1], 7)?;
        let expected: Vec<f64> = values(&net(&x)?)?.into_iter().map(f64::from).collect();
        let off = difference(&frozen.run(&x, net)?, &expected)?;
        if off < 2e-5 { Ok(()) } else { Err(Error::Msg(format!("{side}: off by {off}"))) }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|t| scope.spawn(move || (0..40).try_for_each(|i| one(3 + (i * 7 + t) % 20)))).collect();
        threads.into_iter().try_for_each(|t| t.join().map_err(|_| Error::Msg("a thread panicked".into()))?)
    })
}

//! NaN shows through every operation, at every length of tail and with every instruction set: a diverged network must
//! not look healthy. Expected is what PyTorch does: `relu(NaN)` is NaN, and its gradient passes.

use crate::at_every_level;
use crate::common::{after, random, values, with};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Epilogue, Statistics};

/// Random values, NaN at the given places.
fn with_nan(dims: &[usize], seed: u64, at: impl Fn(usize) -> bool) -> Result<Tensor> {
    let place = |(i, x)| if at(i) { f32::NAN } else { x };
    let values: Vec<f32> = values(&random(dims, seed)?)?.into_iter().enumerate().map(place).collect();
    Tensor::from_vec(values, dims, &Device::Cpu)
}

fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// Bits, all NaN alike.
fn bits(values: impl IntoIterator<Item = f32>) -> Vec<u32> {
    values.into_iter().map(|x| if x.is_nan() { f32::NAN } else { x }.to_bits()).collect()
}

/// An operation with its ReLU gives what the ReLU of the operation without gives, and gradients likewise. How many NaN
/// there are.
fn fused(what: &str, inputs: &[Tensor], f: impl Fn(&[Var], bool) -> Result<Tensor>) -> Result<usize> {
    let vars: Vec<Var> = inputs.iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let (plain, gated) = (f(&vars, false)?, f(&vars, true)?);
    let expected = values(&plain)?;
    assert_eq!(bits(values(&gated)?), bits(expected.iter().copied().map(relu)), "{what}");
    let dy = values(&random(gated.dims(), 99)?)?;
    let masked: Vec<f32> = dy.iter().zip(&expected).map(|(g, y)| if *y <= 0.0 { 0.0 } else { *g }).collect();
    let back = |y: &Tensor, dy: Vec<f32>| (y * Tensor::from_vec(dy, y.dims(), &Device::Cpu)?)?.sum_all()?.backward();
    let (got, want) = (back(&gated, dy)?, back(&plain, masked)?);
    for (i, v) in vars.iter().enumerate() {
        let (Some(got), Some(want)) = (got.get(v), want.get(v)) else { panic!("{what}: no gradient of input {i}") };
        assert_eq!(bits(values(got)?), bits(values(want)?), "{what}: gradient of input {i}");
    }
    Ok(expected.iter().filter(|y| y.is_nan()).count())
}

#[test]
fn relu_keeps_nan_and_its_gradient() -> Result<()> {
    at_every_level(|level| {
        for len in (1..40).chain([20_000]) {
            let x = Var::from_tensor(&with_nan(&[len], 1, |i| i % 7 == len % 7)?)?;
            let y = ops::relu(&x)?;
            assert_eq!(bits(values(&y)?), bits(values(&x)?.into_iter().map(relu)), "{level:?}, {len}");
            let Some(dx) = (y * 2.0)?.sum_all()?.backward()?.remove(&x) else { panic!("no gradient") };
            let expected = values(&x)?.into_iter().map(|x| if x <= 0.0 { 0.0 } else { 2.0 });
            assert_eq!(bits(values(&dx)?), bits(expected), "{level:?}, {len}");
        }
        let zero = Tensor::new(&[-0f32, 0.0, -1.0], &Device::Cpu)?;
        assert_eq!(bits(values(&ops::relu(&zero)?)?), [0, 0, 0]);
        Ok(())
    })
}

#[test]
fn weights_of_nan_give_nothing_but_nan() -> Result<()> {
    let nan = |dims: &[usize]| with_nan(dims, 1, |_| true);
    let all_nan = |what: &str, y: &Tensor| -> Result<()> {
        let numbers = values(y)?.iter().filter(|y| !y.is_nan()).count();
        assert_eq!(numbers, 0, "{what}: numbers among {} outputs", y.elem_count());
        Ok(())
    };
    at_every_level(|level| {
        for width in 3..40 {
            let (x, p) = (random(&[1, 3, 5, width], 2)?, ConvParams::default());
            for outputs in [2, 5, 60] {
                let what = format!("{level:?}, {width} wide, {outputs} outputs");
                all_nan(&what, &ops::conv2d(&x, &nan(&[outputs, 3, 3, 3])?, p, Epilogue::RELU)?)?;
                all_nan(&what, &ops::conv_transpose2d(&x, &nan(&[3, outputs, 3, 3])?, p, Epilogue::RELU)?)?;
                all_nan(&what, &ops::upsample_nearest2_conv3(&x, &nan(&[outputs, 3, 3, 3])?, Epilogue::RELU)?)?;
            }
            all_nan("linear", &ops::linear(&x.reshape((15, width))?, &nan(&[7, width])?, Epilogue::RELU)?)?;
            for residual in [None, Some(&x)] {
                let what = format!("{level:?}, planes of {}", 5 * width);
                let (c, ones) = (nan(&[3])?, random(&[3], 3)?.sqr()?);
                all_nan(
                    &what,
                    &ops::batch_norm_train(
                        &x,
                        &BatchNorm { gamma: &c, beta: &ones, eps: 1e-5 },
                        after(residual, true),
                    )?
                    .y,
                )?;
                all_nan(
                    &what,
                    &ops::batch_norm_eval(
                        &x,
                        &BatchNorm { gamma: &ones, beta: &ones, eps: 1e-5 },
                        &Statistics { mean: &c, var: &ones },
                        after(residual, true),
                    )?,
                )?;
                let out = ops::batch_norm_train(
                    &nan(x.dims())?,
                    &BatchNorm { gamma: &ones, beta: &ones, eps: 1e-5 },
                    after(residual, true),
                )?;
                all_nan(&what, &out.y)?;
                all_nan(&what, &out.mean)?;
                all_nan(&what, &out.var)?;
            }
        }
        Ok(())
    })
}

#[test]
fn convolutions_and_linear_layers_keep_nan_where_it_is() -> Result<()> {
    let p = |stride, padding| ConvParams { stride, padding, ..ConvParams::default() };
    at_every_level(|level| {
        for width in (3..20).chain([31, 32, 33, 70]) {
            let what = format!("{level:?}, {width} wide");
            // NaN in one pixel, in one filter, in one bias
            let x = with_nan(&[2, 3, 6, width], 1, |i| i == 2 * width + 1)?;
            for outputs in [4, 60] {
                let one = 3 * 9;
                let w = with_nan(&[outputs, 3, 3, 3], 2, |i| i / one == 1 && i % one == 5)?;
                let b = with_nan(&[outputs], 3, |i| i == 2)?;
                for p in [p(1, 1), p(2, 1)] {
                    let conv = |v: &[Var], relu| ops::conv2d(&v[0], &v[1], p, with(Some(&v[2]), relu));
                    assert_ne!(fused(&what, &[x.clone(), w.clone(), b.clone()], conv)?, 0);
                }
                let doubled = |v: &[Var], relu| ops::upsample_nearest2_conv3(&v[0], &v[1], with(Some(&v[2]), relu));
                assert_ne!(fused(&what, &[x.clone(), w, b.clone()], doubled)?, 0);
                // at stride 2 a 1x1 kernel leaves pixels that only the bias reaches
                let w = random(&[3, outputs, 1, 1], 4)?;
                let back = |v: &[Var], relu| ops::conv_transpose2d(&v[0], &v[1], p(2, 0), with(Some(&v[2]), relu));
                let nan = fused(&what, &[random(x.dims(), 5)?, w, b], back)?;
                assert_eq!(nan, 2 * 11 * (2 * width - 1), "{what}: the map of one bias");
            }
        }
        for inputs in 1..20 {
            let (x, w) = (with_nan(&[3, inputs], 1, |i| i == 0)?, with_nan(&[5, inputs], 2, |i| i / inputs == 3)?);
            let linear = |v: &[Var], relu| ops::linear(&v[0], &v[1], with(Some(&v[2]), relu));
            let nan = fused(&format!("linear, {inputs}"), &[x, w, with_nan(&[5], 3, |i| i == 4)?], linear)?;
            assert_eq!(nan, 3 * 2 + 3);
        }
        Ok(())
    })
}

#[test]
fn normalizations_keep_nan_where_it_is() -> Result<()> {
    at_every_level(|level| {
        // every tail, and blocks of 4096
        for plane in (1..=40).chain([4096, 4099]) {
            let what = format!("{level:?}, planes of {plane}");
            let dims = [2, 3, 1, plane];
            let (gamma, beta) = (random(&[3], 2)?, random(&[3], 3)?);
            let (mean, var) = (random(&[3], 4)?, random(&[3], 5)?.sqr()?);
            // NaN in the last pixel of the first plane, which is in the tail where there is one, and in the first of
            // the second
            let x = with_nan(&dims, 1, |i| i == plane - 1)?;
            let residual = with_nan(&dims, 6, |i| i == plane)?;
            let inputs = [x.clone(), gamma.clone(), beta.clone(), residual];
            let eval = |v: &[Var], relu| {
                ops::batch_norm_eval(
                    &v[0],
                    &BatchNorm { gamma: &v[1], beta: &v[2], eps: 1e-5 },
                    &Statistics { mean: &mean, var: &var },
                    after(v.get(3).map(|r| r.as_tensor()), relu),
                )
            };
            assert_eq!(fused(&what, &inputs, eval)?, 2, "{what}");
            assert_eq!(fused(&what, &inputs[..3], eval)?, 1, "{what}");
            let train = |v: &[Var], relu| {
                let residual = v.get(3).map(|r| r.as_tensor());
                Ok(ops::batch_norm_train(
                    &v[0],
                    &BatchNorm { gamma: &v[1], beta: &v[2], eps: 1e-5 },
                    after(residual, relu),
                )?
                .y)
            };
            assert_eq!(fused(&what, &inputs, train)?, 2 * plane + 1, "{what}: the channel with NaN");
            assert_eq!(fused(&what, &inputs[..3], train)?, 2 * plane, "{what}: the channel with NaN");
        }
        Ok(())
    })
}

#[test]
fn pools_keep_nan_and_give_its_gradient_to_the_last() -> Result<()> {
    for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (5, 2, 2)] {
        for (first, second) in [(0, 0), (0, 1), (0, 8), (1, 9), (9, 17), (17, 18), (30, 31)] {
            // in rows of 8
            let x = Var::from_tensor(&with_nan(&[1, 1, 6, 8], 1, |i| i == first || i == second)?)?;
            let y = ops::max_pool2d(&x, kernel, stride, padding)?;
            let (_, _, oh, ow) = y.dims4()?;
            let Some(dx) = y.sum_all()?.backward()?.remove(&x) else { panic!("no gradient") };
            let mut expected = [0f32; 2];
            for (o, y) in values(&y)?.into_iter().enumerate() {
                let holds = |at: usize| {
                    let (i, j) = (at / 8 + padding, at % 8 + padding);
                    let within = |x: usize, o: usize| (o * stride..o * stride + kernel).contains(&x);
                    within(i, o / ow) && within(j, o % ow)
                };
                assert_eq!(y.is_nan(), holds(first) || holds(second), "{kernel} {stride} {padding}: {o} of {oh}x{ow}");
                if holds(second) {
                    expected[1] += 1.0;
                } else if holds(first) {
                    expected[0] += 1.0;
                }
            }
            let dx = values(&dx)?;
            let got = if first == second { [0.0, dx[second]] } else { [dx[first], dx[second]] };
            assert_eq!(got, expected, "{kernel} {stride} {padding}: NaN at {first} and {second}");
        }
    }
    Ok(())
}

#[test]
fn everything_else_keeps_nan() -> Result<()> {
    at_every_level(|level| {
        for width in 1..40 {
            let x = with_nan(&[1, 2, 1, width], 1, |i| i == width - 1)?;
            let nan = |y: Tensor| -> Result<usize> { Ok(values(&y)?.iter().filter(|y| y.is_nan()).count()) };
            let what = format!("{level:?}, {width} wide");
            assert_eq!(nan(ops::log_softmax_maps(&x)?)?, width, "{what}");
            assert_eq!(nan(ops::avg_pool_global(&x)?)?, 1, "{what}");
            assert_eq!(nan(ops::upsample_nearest2(&x)?)?, 4, "{what}");
            let doubled = with_nan(&[1, 2, 2, 2 * width], 2, |i| i == 4 * width)?;
            assert_eq!(nan(ops::upsample_nearest2_add(&x, &doubled)?)?, 4 + 1, "{what}");
            assert_eq!(nan(ops::mse_loss(&x, &x.zeros_like()?, None)?)?, 1, "{what}");
        }
        Ok(())
    })
}

//! Pooling, upsampling, normalization, losses and the rest: references and finite differences.

use crate::common::{after, random, values, with};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::{
    grad_check::check,
    ops::{self, Activation, BatchNorm, ConvParams, Epilogue, SgdStep, Statistics},
};

/// Weights take as many products backward as their layer's output forward, and so does the layer's input, except for
/// the picture, whose gradient nobody wants. By hand: 2·64 pixels · 36 weights = 4608; 2·16 · 36 = 1152; 2·16 · 192 (16
/// sums of weights for 3·4 pairs of channels) = 6144; 2 · 192·5 = 1920.
#[test]
fn the_products_of_a_training_step_are_counted() -> Result<()> {
    let x = random(&[2, 1, 8, 8], 1)?;
    let shapes = [&[4, 1, 3, 3][..], &[4, 1, 3, 3], &[3, 4, 3, 3], &[5, 192]];
    let w = shapes.iter().map(|s| Var::from_tensor(&random(s, 2)?)).collect::<Result<Vec<_>>>()?;
    let padded = ConvParams { padding: 1, ..ConvParams::default() };
    let forward = || {
        let y = ops::conv2d(&x, &w[0], padded, Epilogue::RELU)?;
        let y = ops::depthwise_conv3(&y, &w[1], None, 2, Activation::None)?;
        let y = ops::upsample_nearest2_conv3(&y, &w[2], Epilogue::NONE)?;
        ops::linear(&y.flatten_from(1)?, &w[3], Epilogue::NONE)
    };
    let (y, products) = ops::count_products(|| ops::no_grad(forward));
    assert_eq!((y?.dims(), products), (&[2, 5][..], 4608 + 1152 + 6144 + 1920));
    let (grads, products) = ops::count_products(|| ops::Tape::start().and_then(|tape| tape.backward(&forward()?)));
    assert!(w.iter().all(|w| grads.as_ref().is_ok_and(|g| g.get(w).is_some())));
    assert_eq!(products, 2 * 4608 + 3 * (1152 + 6144 + 1920));
    Ok(())
}

#[test]
fn max_pool_gives_ties_to_the_first_maximum() -> Result<()> {
    let x =
        Var::from_tensor(&Tensor::new(&[[[[1f32, 1., 0., 2.], [1., 1., 2., 2.], [5., 5., 7., 7.]]]], &Device::Cpu)?)?;
    let y = ops::max_pool2d(&x, 2, 2, 0)?;
    assert_eq!(values(&y)?, [1., 2.]);
    let grads = (&y * &Tensor::new(&[[[[3f32, 4.]]]], &Device::Cpu)?)?.sum_all()?.backward()?;
    let dx = grads.get(&x).map(values).transpose()?;
    assert_eq!(dx, Some(vec![3., 0., 0., 4., 0., 0., 0., 0., 0., 0., 0., 0.]));
    Ok(())
}

/// Ties, zeros of both signs, windows without a number above 0, NaN.
#[test]
fn a_relu_behind_a_pooling_gives_what_one_before_it_gives_bit_for_bit() -> Result<()> {
    let some = [-1.0, -0.0, 0.0, 0.5, 0.5, 2.0, f32::NAN];
    let places = values(&random(&[2, 3, 14, 10], 1)?)?;
    let picked: Vec<f32> = places.iter().map(|x| some[((x + 1.0) * 3.49) as usize]).collect();
    let x = Var::from_tensor(&Tensor::from_vec(picked, (2, 3, 14, 10), &Device::Cpu)?)?;
    let bits = |t: &Tensor| -> Result<Vec<u32>> {
        Ok(values(t)?.into_iter().map(|x| if x.is_nan() { f32::NAN } else { x }.to_bits()).collect())
    };
    let outcome = |y: Tensor| -> Result<[Vec<u32>; 2]> {
        let grads = (&y * random(y.dims(), 2)?)?.sum_all()?.backward()?;
        let Some(dx) = grads.get(&x) else { panic!("no gradient") };
        Ok([bits(&y)?, bits(dx)?])
    };
    let before = outcome(ops::max_pool2d(&ops::relu(&x)?, 2, 2, 0)?)?;
    assert_eq!(outcome(ops::relu(&ops::max_pool2d(&x, 2, 2, 0)?)?)?, before);
    let kinds = |v: f32| before[0].iter().filter(|y| **y == v.to_bits()).count();
    assert!([0.0, 0.5, 2.0, f32::NAN].into_iter().all(|v| kinds(v) > 1), "{:?}", before[0]);
    Ok(())
}

#[test]
fn gradients_match_finite_differences() -> Result<()> {
    // values far enough apart that no maximum changes under the step
    let apart = |dims: &[usize]| -> Result<Tensor> {
        let n: usize = dims.iter().product();
        let v: Vec<f32> = (0..n).map(|i| ((i * 7919) % n) as f32 * 0.05 - 1.0).collect();
        Tensor::from_vec(v, dims, &Device::Cpu)
    };
    for (h, w) in [(6, 8), (7, 5)] {
        let x = apart(&[2, 2, h, w])?;
        let x = std::slice::from_ref(&x);
        for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (3, 3, 0), (5, 2, 2)] {
            check(|t| ops::max_pool2d(&t[0], kernel, stride, padding), x, 1e-2, 1e-3)?;
        }
        // used twice in one graph
        check(|t| ops::max_pool2d(&t[0], 2, 2, 0)? + ops::max_pool2d(&(&t[0] * 2.0)?, 2, 2, 0)?, x, 1e-2, 1e-3)?;
        let x = random(&[2, 2, h, w], 8)?;
        let x = std::slice::from_ref(&x);
        check(|t| ops::upsample_nearest2(&t[0])? + ops::upsample_nearest2(&t[0].sqr()?)?, x, 1e-2, 2e-3)?;
        let both = [x[0].clone(), random(&[2, 2, 2 * h, 2 * w], 7)?];
        check(|t| ops::upsample_nearest2_add(&t[0], &t[1].sqr()?), &both, 1e-2, 2e-3)?;
        check(|t| ops::avg_pool_global(&t[0]), x, 1e-2, 1e-3)?;
        check(|t| ops::log_softmax_maps(&t[0]), x, 1e-2, 2e-3)?;
        let y = random(&[2, 2, h, w], 9)?;
        let weight = random(&[2, 2, 1, 1], 5)?;
        check(|t| ops::mse_loss(&t[0], &t[1], Some(&t[2]))? * 50.0, &[x[0].clone(), y.clone(), weight], 1e-2, 2e-3)?;
        let (gamma, beta) = (random(&[2], 3)?, random(&[2], 4)?);
        let args = [x[0].clone(), gamma, beta, y];
        check(
            |t| {
                Ok(ops::batch_norm_train(
                    &t[0],
                    &BatchNorm { gamma: &t[1], beta: &t[2], eps: 1e-3 },
                    after(Some(&t[3]), false),
                )?
                .y)
            },
            &args,
            1e-2,
            5e-3,
        )?;
        check(
            |t| Ok(ops::batch_norm_train(&t[0], &BatchNorm { gamma: &t[1], beta: &t[2], eps: 1e-3 }, Epilogue::NONE)?.y),
            &args[..3],
            1e-2,
            5e-3,
        )?;
        let (mean, var) = (random(&[2], 6)?, random(&[2], 7)?.sqr()?);
        check(
            |t| {
                ops::batch_norm_eval(
                    &t[0],
                    &BatchNorm { gamma: &t[1], beta: &t[2], eps: 0.1 },
                    &Statistics { mean: &mean, var: &var },
                    after(Some(&t[3]), false),
                )
            },
            &args,
            1e-2,
            2e-3,
        )?;
    }
    let (x, w, b) = (random(&[5, 7], 1)?, random(&[6, 7], 2)?, random(&[6], 3)?);
    check(|t| ops::linear(&t[0], &t[1], with(Some(&t[2]), false)), &[x, w, b], 1e-2, 1e-3)
}

#[test]
fn relus_inside_other_operations_gate_their_gradients() -> Result<()> {
    let x = random(&[2, 3, 5, 7], 1)?;
    let (gamma, beta, res) = (random(&[3], 2)?, random(&[3], 3)?, random(&[2, 3, 5, 7], 4)?);
    let vars: Vec<Var> = [&x, &gamma, &beta, &res].into_iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let fused = ops::batch_norm_train(
        &vars[0],
        &BatchNorm { gamma: &vars[1], beta: &vars[2], eps: 1e-5 },
        after(Some(&vars[3]), true),
    )?
    .y;
    let plain = ops::relu(
        &ops::batch_norm_train(
            &vars[0],
            &BatchNorm { gamma: &vars[1], beta: &vars[2], eps: 1e-5 },
            after(Some(&vars[3]), false),
        )?
        .y,
    )?;
    assert_eq!(values(&fused)?, values(&plain)?);
    let along = random(&[2, 3, 5, 7], 5)?;
    let (a, b) = ((fused * &along)?.sum_all()?.backward()?, (plain * &along)?.sum_all()?.backward()?);
    for v in &vars {
        let (Some(a), Some(b)) = (a.get(v), b.get(v)) else { panic!("a gradient is missing") };
        for (a, b) in values(a)?.iter().zip(values(b)?) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
    let zero = Var::from_tensor(&Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu)?)?;
    let grads = ops::relu(&zero)?.sum_all()?.backward()?;
    assert_eq!(grads.get(&zero).map(values).transpose()?, Some(vec![0., 0., 0.]));
    Ok(())
}

#[test]
fn batch_norm_matches_double_precision() -> Result<()> {
    let (b, c, h, w) = (3, 4, 9, 11);
    let x = ((random(&[b, c, h, w], 1)? * 3.0)? + 100.0)?; // a mean far from 0 is where a sloppy variance fails
    let (gamma, beta) = (random(&[c], 2)?, random(&[c], 3)?);
    let out = ops::batch_norm_train(&x, &BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 }, Epilogue::NONE)?;
    let (xv, g, be, y, mean, var) =
        (values(&x)?, values(&gamma)?, values(&beta)?, values(&out.y)?, values(&out.mean)?, values(&out.var)?);
    for ch in 0..c {
        let at = |i: usize| (i / (h * w) * c + ch) * h * w + i % (h * w);
        let n = b * h * w;
        let m = (0..n).map(|i| f64::from(xv[at(i)])).sum::<f64>() / n as f64;
        let v = (0..n).map(|i| (f64::from(xv[at(i)]) - m).powi(2)).sum::<f64>() / n as f64;
        assert!((f64::from(mean[ch]) - m).abs() < 1e-4);
        assert!((f64::from(var[ch]) - v * n as f64 / (n - 1) as f64).abs() < 1e-3);
        for i in 0..n {
            let expected = (f64::from(xv[at(i)]) - m) / (v + 1e-5).sqrt() * f64::from(g[ch]) + f64::from(be[ch]);
            assert!((f64::from(y[at(i)]) - expected).abs() < 1e-4, "{} {expected}", y[at(i)]);
        }
    }
    let eval = ops::batch_norm_eval(
        &x,
        &BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 },
        &Statistics { mean: &out.mean, var: &out.var },
        Epilogue::RELU,
    )?;
    let weight = random(&[c, c, 1, 1], 8)?;
    let p = ops::ConvParams::default();
    let before = ops::batch_norm_eval(
        &ops::conv2d(&eval, &weight, p, Epilogue::NONE)?,
        &BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 },
        &Statistics { mean: &out.mean, var: &out.var },
        Epilogue::NONE,
    )?;
    let (fw, fb) = ops::fold_batch_norm(
        &weight,
        None,
        &BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 },
        &Statistics { mean: &out.mean, var: &out.var },
    )?;
    let after = ops::conv2d(&eval, &fw, p, with(Some(&fb), false))?;
    for (a, b) in values(&before)?.iter().zip(values(&after)?) {
        assert!((a - b).abs() < 1e-3 * a.abs().max(1.0), "{a} {b}");
    }
    Ok(())
}

#[test]
fn optimizer_steps_match_a_scalar_calculation() -> Result<()> {
    let start = random(&[40_000], 1)?;
    let grad = random(&[40_000], 2)?;
    let zero = || Var::from_tensor(&start.zeros_like()?);
    let (p, m, v) = (Var::from_tensor(&start)?, zero()?, zero()?);
    for t in 1..=3 {
        let s = ops::AdamWStep {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.99,
            eps: 1e-8,
            weight_decay: 0.1,
            bias_correction1: 1.0 - 0.9f64.powi(t),
            bias_correction2: 1.0 - 0.99f64.powi(t),
        };
        ops::adamw_step(&p, &grad, &m, &v, &s)?;
    }
    // a constant gradient: each step moves by lr in its direction
    for ((p, x), g) in values(&p)?.iter().zip(values(&start)?).zip(values(&grad)?) {
        let mut e = f64::from(x);
        for _ in 0..3 {
            e = e * (1.0 - 0.001) - 0.01 * f64::from(g) / (f64::from(g).abs() + 1e-8);
        }
        assert!((f64::from(*p) - e).abs() < 1e-5, "{p} {e}");
    }
    let (p, vel, shadow) = (Var::from_tensor(&start)?, zero()?, zero()?);
    ops::sgd_step(&p, &grad, &vel, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.0, nesterov: false })?;
    ops::sgd_step(&p, &grad, &vel, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.0, nesterov: false })?;
    ops::ema_step(&shadow, &p, 0.75)?;
    for (((p, s), x), g) in values(&p)?.iter().zip(values(&shadow)?).zip(values(&start)?).zip(values(&grad)?) {
        assert!((p - (x - 0.29 * g)).abs() < 1e-5);
        assert!((s - 0.25 * p).abs() < 1e-6);
    }
    Ok(())
}

//! The compositions of candle's operations that other devices get, run on the CPU: what `no_grad` keeps of them, and
//! NaN.
#![allow(clippy::panic)] // a test says so by panicking

use super::norm::{BatchNorm, Statistics, fold_batch_norm};
use super::{activation, conv, conv_transpose, depthwise, linear, loss, norm, pool, softmax, upsample};
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::tape::no_grad;
use crate::ops::shapes::{ConvParams, Planes, Window};
use crate::ops::steps;
use candle_core::{Device, Result, Tensor, Var};

const ALL: [Activation; 3] = [Activation::None, Activation::Relu, Activation::Relu6];

fn values(t: &Tensor) -> Result<Vec<f32>> {
    t.flatten_all()?.to_vec1()
}

/// Numbers below and above 0, the last NaN where `nan`.
fn some(dims: &[usize], nan: bool) -> Result<Var> {
    let len: usize = dims.iter().product();
    let value = |i: usize| if nan && i + 1 == len { f32::NAN } else { (i as f32 * 1.7).sin() };
    Var::from_tensor(&Tensor::from_vec((0..len).map(value).collect::<Vec<_>>(), dims, &Device::Cpu)?)
}

fn with<'a>(bias: Option<&'a Tensor>, residual: Option<&'a Tensor>, activation: Activation) -> Epilogue<&'a Tensor> {
    Epilogue { bias, residual, activation }
}

fn of(c: &Tensor) -> BatchNorm<'_> {
    BatchNorm { gamma: c, beta: c, eps: 1e-5 }
}

type Composition = Box<dyn Fn() -> Result<Vec<Tensor>>>;

/// Every composition, of variables; the first tensor of its inputs ends in NaN where `nan`.
fn compositions(nan: bool) -> Result<Vec<(&'static str, Composition)>> {
    let (x, w, c) = (some(&[2, 3, 4, 6], nan)?, some(&[3, 3, 3, 3], false)?, some(&[3], false)?);
    let (flat, matrix) = (some(&[2, 5], nan)?, some(&[3, 5], false)?);
    let positive = Var::from_tensor(&c.sqr()?)?;
    let p = ConvParams { padding: 1, ..ConvParams::default() };
    let window = Window { planes: 6, h: 4, w: 6, oh: 2, ow: 3, kernel: 2, stride: 2, padding: 0 };
    let planes = Planes { b: 2, c: 3, plane: 24 };
    let mut all: Vec<(&'static str, Composition)> = Vec::new();
    macro_rules! add {
        ($name:literal, [$($t:ident),*], $result:expr) => {{
            $(let $t = $t.clone();)*
            all.push(($name, Box::new(move || $result)));
        }};
    }
    for activation in ALL {
        add!("conv2d", [x, w, c], Ok(vec![conv::composed(&x, &w, p, with(Some(&c), None, activation))?]));
        add!(
            "conv_transpose2d",
            [x, w, c],
            Ok(vec![conv_transpose::composed(&x, &w, p, with(Some(&c), None, activation))?])
        );
        add!(
            "linear",
            [flat, matrix, c],
            Ok(vec![linear::composed(&flat, &matrix, with(Some(&c), None, activation))?])
        );
        add!("batch_norm_train", [x, c], {
            let out = norm::train_composed(&x, &of(&c), with(None, Some(&x), activation), planes)?;
            Ok(vec![out.y, out.mean, out.var])
        });
        add!("batch_norm_eval", [x, c], Ok(vec![norm::scale_composed(&x, &c, &c, with(None, Some(&x), activation))?]));
    }
    let deep = some(&[3, 1, 3, 3], false)?;
    for activation in ALL {
        add!("depthwise_conv3", [x, deep, c], Ok(vec![depthwise::composed(&x, &deep, Some(&c), 2, activation)?]));
    }
    add!("relu", [x], Ok(vec![activation::composed(&x, Activation::Relu)?]));
    add!("relu6", [x], Ok(vec![activation::composed(&x, Activation::Relu6)?]));
    add!("max_pool2d", [x], Ok(vec![pool::composed(&x, &window)?]));
    add!("avg_pool_global", [x], Ok(vec![pool::mean_composed(&x)?]));
    add!("log_softmax_maps", [x], Ok(vec![softmax::composed(&x)?]));
    add!("upsample_nearest2", [x], Ok(vec![upsample::composed(&x)?]));
    let doubled = some(&[2, 3, 8, 12], false)?;
    add!("upsample_nearest2_add", [x, doubled], Ok(vec![upsample::sum_composed(&x, &doubled)?]));
    add!("mse_loss", [x], Ok(vec![loss::composed(&x, &x.zeros_like()?, Some(&x))?]));
    add!("global_norm", [x], Ok(vec![steps::global_norm(&[&x])?]));
    add!("scale_all", [x], steps::scale_all(&[&x], &x.sum_all()?.detach()));
    add!("fold_batch_norm", [w, c, positive], {
        let (weight, bias) = fold_batch_norm(&w, Some(&c), &of(&c), &Statistics { mean: &c, var: &positive })?;
        Ok(vec![weight, bias])
    });
    Ok(all)
}

#[test]
fn no_grad_keeps_nothing() -> Result<()> {
    for (name, f) in compositions(false)? {
        let kept = f()?;
        assert!(kept[0].track_op(), "{name} has no gradient at all");
        for (i, (t, kept)) in no_grad(&f)?.iter().zip(&kept).enumerate() {
            assert!(!t.track_op(), "{name}: result {i} holds a graph");
            assert_eq!(values(t)?, values(kept)?, "{name}: result {i}");
        }
    }
    Ok(())
}

#[test]
fn nan_shows() -> Result<()> {
    for (name, f) in compositions(true)?.into_iter().filter(|(name, _)| *name != "fold_batch_norm") {
        assert!(values(&f()?[0])?.iter().any(|y| y.is_nan()), "{name} swallows NaN");
    }
    Ok(())
}

#[test]
fn relu_lets_the_gradient_of_nan_through_as_the_kernel_does() -> Result<()> {
    let x = Var::new(&[f32::NAN, 1.0, 0.0, -0.0, -1.0, f32::INFINITY, f32::NEG_INFINITY], &Device::Cpu)?;
    for y in [activation::composed(&x, Activation::Relu)?, activation::relu(&x)?] {
        let bits: Vec<u32> = values(&y)?.iter().map(|y| y.to_bits()).collect();
        assert_eq!(bits, [f32::NAN, 1.0, 0.0, 0.0, 0.0, f32::INFINITY, 0.0].map(f32::to_bits));
        let Some(dx) = (y * 2.0)?.sum_all()?.backward()?.remove(&x) else { panic!("no gradient") };
        assert_eq!(values(&dx)?, [2.0, 2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    }
    Ok(())
}

#[test]
fn the_last_nan_of_a_window_wins_as_in_the_kernel() -> Result<()> {
    let nan = f32::NAN;
    for (plane, at) in [([nan, 1.0, 2.0, 3.0], 0), ([0.0, nan, nan, 3.0], 2), ([nan, 1.0, 2.0, nan], 3)] {
        let x = Var::from_tensor(&Tensor::new(&plane, &Device::Cpu)?.reshape((1, 1, 2, 2))?)?;
        let window = Window { planes: 1, h: 2, w: 2, oh: 1, ow: 1, kernel: 2, stride: 2, padding: 0 };
        for y in [pool::composed(&x, &window)?, pool::max_pool2d(&x, 2, 2, 0)?] {
            assert!(values(&y)?[0].is_nan(), "{plane:?}");
            let Some(dx) = y.sum_all()?.backward()?.remove(&x) else { panic!("no gradient") };
            assert_eq!(values(&dx)?.iter().position(|g| *g == 1.0), Some(at), "{plane:?}");
        }
    }
    Ok(())
}

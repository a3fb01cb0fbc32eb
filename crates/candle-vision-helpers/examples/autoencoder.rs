//! An autoencoder learns to redraw discs: `cargo run --release -p candle-vision-helpers --example autoencoder`.

#![allow(clippy::print_stdout)]

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, AdamWItem, AdamWStep, ConvParams, Epilogue};
use candle_vision_helpers::{Point, draw, rng::splitmix64};

/// Numbers from 0 to 1, the same for the same seed.
fn uniform(seed: usize, count: usize) -> Vec<f64> {
    (0..count as u64).map(|i| (splitmix64(splitmix64(seed as u64) ^ i) >> 11) as f64 / (1u64 << 53) as f64).collect()
}

/// Black pictures with a white disc each, `(16, 1, 32, 32)`, values in `0..=1`.
fn discs(seed: usize) -> Result<Tensor> {
    let mut values = Vec::new();
    for n in uniform(seed, 16 * 3).chunks(3) {
        let mut picture = image::RgbImage::new(32, 32);
        draw::disc(&mut picture, Point::new(8.0 + 16.0 * n[0], 8.0 + 16.0 * n[1]), 3.0 + 4.0 * n[2], [255; 3]);
        values.extend(picture.pixels().map(|pixel| f32::from(pixel.0[0]) / 255.0));
    }
    Tensor::from_vec(values, (16, 1, 32, 32), &Device::Cpu)
}

/// The weights `(O, C, 3, 3)` of a convolution, uniform as He et al. 2015 have it, and AdamW's two moments of them.
fn weights(inputs: usize, outputs: usize) -> Result<[Var; 3]> {
    let (bound, dims) = ((6.0 / (9 * inputs) as f64).sqrt(), (outputs, inputs, 3, 3));
    let start = Tensor::from_vec(uniform(1000 * inputs + outputs, 9 * inputs * outputs), dims, &Device::Cpu)?;
    let moment = || Var::zeros(dims, DType::F32, &Device::Cpu);
    Ok([Var::from_tensor(&start.affine(2.0 * bound, -bound)?.to_dtype(DType::F32)?)?, moment()?, moment()?])
}

/// The mean squared error of what the network makes of pictures, by way of four maps of 8×8 pixels.
fn loss([a, b, code, c, d, last]: &[[Var; 3]; 6], pictures: &Tensor) -> Result<Tensor> {
    let same = ConvParams { padding: 1, ..ConvParams::default() };
    let conv = |x: &Tensor, layer: &[Var; 3], epilogue| ops::conv2d(x, &layer[0], same, epilogue);
    let half = ops::max_pool2d(&conv(pictures, a, Epilogue::RELU)?, 2, 2, 0)?;
    let quarter = ops::max_pool2d(&conv(&half, b, Epilogue::RELU)?, 2, 2, 0)?;
    let half = ops::upsample_nearest2_conv3(&conv(&quarter, code, Epilogue::NONE)?, &c[0], Epilogue::RELU)?;
    let whole = ops::upsample_nearest2_conv3(&half, &d[0], Epilogue::RELU)?;
    ops::mse_loss(&conv(&whole, last, Epilogue::NONE)?, pictures, None)
}

fn main() -> Result<()> {
    let [before, after] = learn(300)?;
    println!("mean squared error {before:.4} before and {after:.4} after 300 steps");
    Ok(())
}

/// The error on pictures that it does not learn from, before and after so many steps.
pub(crate) fn learn(steps: usize) -> Result<[f32; 2]> {
    let net = [weights(1, 8)?, weights(8, 16)?, weights(16, 4)?, weights(4, 16)?, weights(16, 8)?, weights(8, 1)?];
    let unseen_error = || ops::no_grad(|| loss(&net, &discs(0)?))?.to_scalar::<f32>();
    let before = unseen_error()?;
    let (lr, beta1, beta2, eps, weight_decay) = (3e-3, 0.9f64, 0.999f64, 1e-8, 0.0);
    for t in 1..=steps {
        let tape = ops::Tape::start()?;
        let grads = tape.backward(&loss(&net, &discs(t)?)?)?;
        let (bias_correction1, bias_correction2) = (1.0 - beta1.powf(t as f64), 1.0 - beta2.powf(t as f64));
        let step = AdamWStep { lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2 };
        let all = net.iter().filter_map(|[param, m, v]| Some(AdamWItem { param, grad: grads.get(param)?, m, v, step }));
        ops::adamw_steps(&all.collect::<Vec<_>>())?;
    }
    Ok([before, unseen_error()?])
}

//! What the tests share: tasks, and the pseudo-random numbers of `pytorch_reference.py`.
#![allow(dead_code)]

use candle_core::{Device, Tensor};
use facekp_data::{Crop, ViewSpec};
use facekp_models::{
    CodecConfig, ModelConfig, Params, Task,
    codec::heatmap,
    networks::{heatmap_net, plain, regressor, trunk::Family},
};

pub(crate) fn view(width: usize, height: usize, grey: bool) -> ViewSpec {
    let channels = if grey { 1 } else { 3 };
    ViewSpec { width, height, grey, crop: Crop::Picture, mean: vec![0.5; channels], std: vec![0.25; channels] }
}

pub(crate) fn nose() -> Task {
    let model = plain::Config { channels: vec![20; 3], kernels: vec![7, 5, 3], hidden: 128 };
    task("nose1", view(80, 60, true), CodecConfig::Regression, ModelConfig::Plain(model))
}

pub(crate) fn face58() -> Task {
    let model = plain::Config { channels: vec![20, 24, 26, 28, 30], kernels: vec![5; 5], hidden: 256 };
    task("imm58", view(240, 180, true), CodecConfig::Regression, ModelConfig::Plain(model))
}

pub(crate) fn resnet(depth: usize, scheme: &str, side: usize) -> Task {
    let model = regressor::Resnet { depth, pooling: regressor::Pooling::Average };
    task(scheme, view(side, side, false), CodecConfig::Regression, ModelConfig::Resnet(model))
}

pub(crate) fn mobile_regression(scheme: &str, side: usize) -> Task {
    let model = ModelConfig::MobilenetV2(regressor::MobilenetV2::default());
    task(scheme, view(side, side, false), CodecConfig::Regression, model)
}

pub(crate) fn maps(depth: usize, scheme: &str, size: (usize, usize), up: &[usize], skips: bool) -> Task {
    on_trunk((Family::Resnet, Some(depth)), scheme, size, up, skips)
}

pub(crate) fn mobile_maps(scheme: &str, size: (usize, usize), up: &[usize]) -> Task {
    on_trunk((Family::MobilenetV2, None), scheme, size, up, true)
}

pub(crate) fn on_trunk(
    (trunk, depth): (Family, Option<usize>),
    scheme: &str,
    (width, height): (usize, usize),
    up: &[usize],
    skips: bool,
) -> Task {
    let stride = 32 >> up.len();
    let (target, decode) = (heatmap::Target::Softmax, candle_vision_helpers::heatmap::Decode::SoftArgmax);
    let codec = CodecConfig::Heatmap(heatmap::Config { stride, sigma: 1.2, target, decode });
    let model = heatmap_net::Config { trunk, depth, up: up.to_vec(), skips };
    task(scheme, view(width, height, false), codec, ModelConfig::HeatmapNet(model))
}

pub(crate) fn task(scheme: &str, view: ViewSpec, codec: CodecConfig, model: ModelConfig) -> Task {
    Task { scheme: facekp_data::scheme::by_name(scheme).unwrap(), view, codec, model, found_box: None }
}

/// As `noise` in `pytorch_reference.py`.
pub(crate) fn noise(name: &str, count: usize) -> Vec<f64> {
    let k = name.bytes().map(u64::from).sum::<u64>() * 1_000_003;
    let value = |i: u64| {
        let h = i.wrapping_add(k).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let h = (h ^ (h >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        ((h ^ (h >> 32)) >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..count as u64).map(value).collect()
}

/// As `fill` in `pytorch_reference.py`.
pub(crate) fn fill(params: &Params) {
    for (name, var) in params.trainable() {
        let fan = var.elem_count() / var.dims()[0];
        let scale = |v: f64| match var.rank() {
            1 if name.ends_with("bias") => v * 0.2,
            1 => v * 0.2 + 1.0,
            _ => v * (24.0 / fan as f64).sqrt(),
        };
        let values: Vec<f32> = noise(&name, var.elem_count()).into_iter().map(|v| scale(v) as f32).collect();
        assert!(params.set(&name, &Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap());
    }
}

/// The pictures of `pytorch_reference.py`.
pub(crate) fn pictures(shape: (usize, usize, usize, usize)) -> Tensor {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values: Vec<f32> = noise("picture", count).into_iter().map(|v| v as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub(crate) fn flat(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

pub(crate) fn norm(t: &Tensor) -> f64 {
    flat(t).iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

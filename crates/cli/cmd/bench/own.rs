//! The networks on this project's own operations: what `train` and `predict` run.

use super::{Subject, milliseconds};
use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use candle_vision_helpers::{heatmap::Decode, ops};
use facekp_data::{Crop, ViewSpec};
use facekp_models::{
    CodecConfig, KeypointModel, ModelConfig, Params, Task, codec::heatmap, face_cnn, heatmap_net, nose_cnn, resnet,
};
use facekp_train::optim::{Optimizer, OptimizerConfig};
use std::time::Instant;

pub struct Net {
    model: Box<dyn KeypointModel>,
    inference: Option<Box<dyn KeypointModel>>,
    params: Params,
    optimizer: Optimizer,
}

impl Net {
    pub fn new(name: &str, [channels, height, width]: [usize; 3], device: &Device) -> Result<Self> {
        let task = task(name, channels, height, width)?;
        let params = Params::new(0, device);
        let model = task.build(&params)?;
        let config = OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, weight_decay: 0.01 };
        let optimizer = Optimizer::new(&config, &params.trainable(), &[], &Default::default())?;
        Ok(Self { model, inference: None, params, optimizer })
    }
}

impl Subject for Net {
    fn step(&mut self, x: &Tensor, y: &Tensor, device: &Device) -> Result<f64> {
        let start = Instant::now();
        let tape = ops::Tape::start()?;
        let out = self.model.forward(x, true)?;
        device.synchronize()?;
        let forward = milliseconds(start);
        let mut grads = tape.backward(&ops::mse_loss(&out, y, None)?)?;
        let grads: Vec<Option<Tensor>> = self.optimizer.params().map(|p| grads.remove(p)).collect();
        self.optimizer.step(&grads, 1e-4)?;
        Ok(forward)
    }

    fn infer(&mut self, x: &Tensor) -> Result<Tensor> {
        if self.inference.is_none() {
            self.inference = self.model.for_inference()?;
        }
        let model = self.inference.as_ref().unwrap_or(&self.model);
        Ok(ops::no_grad(|| model.forward(x, false))?)
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }
}

fn task(name: &str, channels: usize, height: usize, width: usize) -> Result<Task> {
    let (scheme, codec, model) = match name {
        "nose" => {
            let config = nose_cnn::Config { channels: vec![20; 3], kernels: vec![7, 5, 3], hidden: 128 };
            ("nose1", CodecConfig::Regression, ModelConfig::NoseCnn(config))
        }
        "face58" => {
            let config = face_cnn::Config { channels: vec![20, 24, 26, 28, 30], kernels: vec![5; 5], hidden: 256 };
            ("imm58", CodecConfig::Regression, ModelConfig::FaceCnn(config))
        }
        "resnet50" => {
            let config = resnet::Config { depth: 50, pooling: resnet::Pooling::Average };
            ("ibug68", CodecConfig::Regression, ModelConfig::Resnet(config))
        }
        "heatmap" => {
            let config = heatmap_net::Config { depth: 50, up: vec![256; 3], skips: false };
            let codec =
                heatmap::Config { stride: 4, sigma: 1.5, target: heatmap::Target::Gaussian, decode: Decode::Dark };
            ("ibug68", CodecConfig::Heatmap(codec), ModelConfig::HeatmapNet(config))
        }
        other => bail!("no network {other:?}"),
    };
    let grey = channels == 1;
    let view = ViewSpec { width, height, grey, crop: Crop::Picture, mean: vec![0.5], std: vec![0.25] };
    Ok(Task { scheme: facekp_data::scheme::by_name(scheme).unwrap(), view, codec, model })
}

//! The networks on this project's own operations: what `train` and `predict` run.

use super::{Subject, milliseconds};
use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_vision_helpers::ops;
use facekp_models::{KeypointModel, Params, Pass, Task};
use facekp_train::optim::{Optimizer, OptimizerConfig};
use std::time::Instant;

pub(super) struct Net {
    model: Box<dyn KeypointModel>,
    inference: Option<Box<dyn KeypointModel>>,
    params: Params,
    optimizer: Optimizer,
}

impl Net {
    pub(super) fn new(task: &Task, device: &Device) -> Result<Self> {
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
        let out = self.model.forward(x, Pass::Training)?;
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
        Ok(ops::no_grad(|| model.forward(x, Pass::Inference))?)
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }
}

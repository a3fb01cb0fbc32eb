//! One step of an optimiser over all parameters, and its state.

use super::OptimizerConfig;
use crate::{Error, Result};
use candle_core::{Tensor, Var};
use candle_vision_helpers::ops::{AdamWStep, adamw_step, sgd_step};
use std::collections::{BTreeMap, HashMap};

const EPS: f64 = 1e-8;

/// An optimiser of some parameters, with the state it keeps of each.
pub struct Optimizer {
    config: OptimizerConfig,
    slots: Vec<Slot>,
    steps: usize,
}

struct Slot {
    name: String,
    param: Var,
    lr_factor: f64,
    decays: bool,
    /// First moment or velocity, then the second moment.
    state: Vec<Var>,
}

impl Optimizer {
    /// An optimiser of the parameters whose names start with none of `freeze`; the longest start in `lr_factors` gives a factor of the
    /// learning rate.
    ///
    /// # Errors
    /// When a start fits no parameter, or all are frozen.
    pub fn new(
        config: &OptimizerConfig,
        params: &[(String, Var)],
        freeze: &[String],
        lr_factors: &BTreeMap<String, f64>,
    ) -> Result<Self> {
        let starts = freeze.iter().map(|s| ("freeze", s)).chain(lr_factors.keys().map(|s| ("lr_factors", s)));
        for (key, start) in starts {
            if !params.iter().any(|(name, _)| name.starts_with(start)) {
                return Err(setting(format!("train.{key}: no parameter's name starts with {start:?}")));
            }
        }
        let trained = params.iter().filter(|(name, _)| !freeze.iter().any(|s| name.starts_with(s)));
        let slots = trained.map(|p| Slot::new(p, config, lr_factors)).collect::<Result<Vec<_>>>()?;
        if slots.is_empty() {
            return Err(setting("train.freeze: every parameter is frozen".to_owned()));
        }
        Ok(Self { config: config.clone(), slots, steps: 0 })
    }

    /// The parameters it trains, in the order of its gradients.
    pub fn params(&self) -> impl ExactSizeIterator<Item = &Var> {
        self.slots.iter().map(|s| &s.param)
    }

    /// Steps made so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// One step down the gradients (in the order of [`Optimizer::params`]) at a learning rate.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn step(&mut self, grads: &[Option<Tensor>], lr: f64) -> Result<()> {
        self.steps += 1;
        for (slot, grad) in self.slots.iter().zip(grads) {
            if let Some(grad) = grad {
                slot.step(&self.config, grad, lr * slot.lr_factor, self.steps)?;
            }
        }
        Ok(())
    }

    /// The state by name: `first.NAME` and, for Adam, `second.NAME`.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        self.named().map(|(name, var)| (name, var.as_detached_tensor())).collect()
    }

    /// Takes up a saved state after `steps` steps; the name of the first tensor that is missing or misshaped is the error.
    ///
    /// # Errors
    /// When a copy fails.
    pub fn load(&mut self, tensors: &HashMap<String, Tensor>, steps: usize) -> Result<Result<(), String>> {
        self.steps = steps;
        let named: Vec<_> = self.named().collect();
        super::load_all(named.iter().map(|(name, var)| (name.as_str(), *var)), tensors)
    }

    fn named(&self) -> impl Iterator<Item = (String, &Var)> {
        let name = |slot: &Slot, which: &str| format!("{which}.{}", slot.name);
        self.slots.iter().flat_map(move |s| s.state.iter().zip(["first", "second"]).map(move |(v, w)| (name(s, w), v)))
    }
}

impl Slot {
    fn new(
        (name, param): &(String, Var),
        config: &OptimizerConfig,
        lr_factors: &BTreeMap<String, f64>,
    ) -> Result<Self> {
        let fitting = lr_factors.iter().filter(|(start, _)| name.starts_with(*start));
        let tensors = if matches!(config, OptimizerConfig::Sgd { .. }) { 1 } else { 2 };
        let zeros = |_| Var::from_tensor(&param.zeros_like()?);
        Ok(Self {
            name: name.clone(),
            param: param.clone(),
            lr_factor: fitting.max_by_key(|(start, _)| start.len()).map_or(1.0, |(_, factor)| *factor),
            decays: param.rank() > 1,
            state: (0..tensors).map(zeros).collect::<candle_core::Result<_>>()?,
        })
    }

    fn step(&self, config: &OptimizerConfig, grad: &Tensor, lr: f64, step: usize) -> Result<()> {
        let decay = |d: f64| if self.decays { d } else { 0.0 };
        let adam = |grad: &Tensor, beta1: f64, beta2: f64, weight_decay: f64| {
            let (m, v) = (&self.state[0], &self.state[1]);
            let power = i32::try_from(step).unwrap_or(i32::MAX);
            let bias_correction1 = 1.0 - beta1.powi(power);
            let bias_correction2 = 1.0 - beta2.powi(power);
            let s = AdamWStep { lr, beta1, beta2, eps: EPS, weight_decay, bias_correction1, bias_correction2 };
            adamw_step(&self.param, grad, m, v, &s)
        };
        match *config {
            OptimizerConfig::Sgd { momentum, weight_decay, nesterov } => {
                sgd_step(&self.param, grad, &self.state[0], lr, momentum, decay(weight_decay), nesterov)?;
            }
            OptimizerConfig::Adam { beta1, beta2, weight_decay } if decay(weight_decay) > 0.0 => {
                let grad = (grad + (self.param.as_detached_tensor() * weight_decay)?)?;
                adam(&grad, beta1, beta2, 0.0)?;
            }
            OptimizerConfig::Adam { beta1, beta2, .. } => adam(grad, beta1, beta2, 0.0)?,
            OptimizerConfig::AdamW { beta1, beta2, weight_decay } => adam(grad, beta1, beta2, decay(weight_decay))?,
        }
        Ok(())
    }
}

fn setting(reason: String) -> Error {
    Error::Setting(reason)
}

//! One step of an optimiser over all parameters, and its state.

use super::OptimizerConfig;
use crate::error::{Error, Result};
use candle_core::{Tensor, Var};
use candle_vision_helpers::ops::{AdamWItem, AdamWStep, SgdStep, adamw_steps, sgd_step};
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
    /// An optimiser of the parameters whose names start with none of `freeze`; the longest start in `lr_factors` gives
    /// a factor of the learning rate.
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
                let expected = "the start of a parameter's name";
                return Err(Error::setting(&format!("train.{key}"), expected, format_args!("{start:?}")));
            }
        }
        let trained = params.iter().filter(|(name, _)| !freeze.iter().any(|s| name.starts_with(s)));
        let slots = trained.map(|p| Slot::new(p, config, lr_factors)).collect::<Result<Vec<_>>>()?;
        if slots.is_empty() {
            return Err(Error::setting("train.freeze", "a parameter that is left to train", "all of them"));
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
        let given: Vec<(&Slot, &Tensor)> =
            self.slots.iter().zip(grads).filter_map(|(slot, grad)| Some((slot, grad.as_ref()?))).collect();
        match self.config {
            OptimizerConfig::Sgd { momentum, weight_decay, nesterov } => {
                for (slot, grad) in given {
                    let (lr, weight_decay) = (lr * slot.lr_factor, slot.decay(weight_decay));
                    let step = SgdStep { lr, momentum, weight_decay, nesterov };
                    sgd_step(&slot.param, grad, &slot.state[0], &step)?;
                }
            }
            OptimizerConfig::Adam { beta1, beta2, weight_decay } => {
                let decayed = |(slot, grad): &(&Slot, &Tensor)| -> candle_core::Result<Tensor> {
                    match slot.decay(weight_decay) {
                        0.0 => Ok((*grad).clone()),
                        decay => *grad + (slot.param.as_detached_tensor() * decay)?,
                    }
                };
                let grads = given.iter().map(decayed).collect::<candle_core::Result<Vec<_>>>()?;
                let given = given.iter().zip(&grads).map(|((slot, _), grad)| (*slot, grad));
                self.adamw(given, lr, beta1, beta2, 0.0)?;
            }
            OptimizerConfig::AdamW { beta1, beta2, weight_decay } => {
                self.adamw(given.into_iter(), lr, beta1, beta2, weight_decay)?;
            }
        }
        Ok(())
    }

    fn adamw<'a>(
        &self,
        given: impl Iterator<Item = (&'a Slot, &'a Tensor)>,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
    ) -> Result<()> {
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let item = |(slot, grad): (&'a Slot, &'a Tensor)| {
            let step = AdamWStep {
                lr: lr * slot.lr_factor,
                beta1,
                beta2,
                eps: EPS,
                weight_decay: slot.decay(weight_decay),
                bias_correction1: 1.0 - beta1.powi(power),
                bias_correction2: 1.0 - beta2.powi(power),
            };
            AdamWItem { param: &slot.param, grad, m: &slot.state[0], v: &slot.state[1], step }
        };
        Ok(adamw_steps(&given.map(item).collect::<Vec<_>>())?)
    }

    /// The state by name: `first.NAME` and, for Adam, `second.NAME`.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        self.named().map(|(name, var)| (name, var.as_detached_tensor())).collect()
    }

    /// Takes up a saved state after `steps` steps.
    ///
    /// # Errors
    /// [`Error::Tensors`] names the first tensor that is missing or misshaped; when a copy fails.
    pub fn load(&mut self, tensors: &HashMap<String, Tensor>, steps: usize) -> Result<()> {
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

    /// The weight decay of this parameter.
    fn decay(&self, weight_decay: f64) -> f64 {
        if self.decays { weight_decay } else { 0.0 }
    }
}

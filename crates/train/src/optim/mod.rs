//! Optimisers with state that is saved: SGD with momentum, Adam, AdamW; and the averaged weights.
//!
//! In all of them, parameters with one dimension (biases, the scales and shifts of normalisation) are not decayed.

mod ema;
mod gradients;
mod optimizer;

pub use ema::Ema;
pub use gradients::Gradients;
pub use optimizer::Optimizer;

use crate::Result;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Which optimiser; the learning rate comes from the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// PyTorch's SGD.
    Sgd {
        /// 0 turns it off.
        momentum: f64,
        /// L2.
        #[serde(default)]
        weight_decay: f64,
        /// Look-ahead momentum.
        #[serde(default)]
        nesterov: bool,
    },
    /// Kingma and Ba 2014; weight decay added to the gradient.
    Adam {
        /// Of the first moment.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Of the second moment.
        #[serde(default = "beta2")]
        beta2: f64,
        /// L2.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Loshchilov and Hutter 2017; biases and normalisation parameters are not decayed.
    #[serde(rename = "adamw")]
    AdamW {
        /// Of the first moment.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Of the second moment.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Decoupled.
        weight_decay: f64,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

/// Sets every variable from the tensor of its name, after looking at all: the first that is missing or misshaped is
/// named.
pub(crate) fn load_all<'a>(
    variables: impl Iterator<Item = (&'a str, &'a Var)>,
    tensors: &HashMap<String, Tensor>,
) -> Result<Result<(), String>> {
    let mut pairs = Vec::new();
    for (name, var) in variables {
        match tensors.get(name) {
            Some(t) if t.dims() == var.dims() => pairs.push((var, t)),
            Some(t) => return Ok(Err(format!("expected {name} to be {:?}, got {:?}", var.dims(), t.dims()))),
            None => return Ok(Err(format!("expected a tensor {name}, found none"))),
        }
    }
    for (var, t) in pairs {
        var.set(&t.to_device(var.device())?.to_dtype(var.dtype())?)?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests;

//! Optimisers with state that is saved: SGD with momentum, Adam, AdamW; and the averaged weights.
//!
//! In all of them, parameters with one dimension (biases, the scales and shifts of normalisation) are not decayed.

mod ema;
mod gradients;
mod optimizer;

pub use ema::Ema;
pub use gradients::Gradients;
pub use optimizer::Optimizer;

use crate::error::{Error, Result};
use candle_core::{Tensor, Var};
use candle_vision_helpers::{
    Wrong,
    wrong::{ensure, ensure_below_one, ensure_not_negative},
};
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

impl OptimizerConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self) -> Result<(), Wrong> {
        match *self {
            Self::Sgd { momentum, weight_decay, nesterov } => {
                ensure_below_one("momentum", momentum)?;
                ensure_not_negative("weight_decay", weight_decay)?;
                ensure("nesterov", nesterov, "a momentum above 0 with it", |&on| !on || momentum > 0.0)
            }
            Self::Adam { beta1, beta2, weight_decay } | Self::AdamW { beta1, beta2, weight_decay } => {
                ensure_below_one("beta1", beta1)?;
                ensure_below_one("beta2", beta2)?;
                ensure_not_negative("weight_decay", weight_decay)
            }
        }
    }
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

/// Sets every variable from the tensor of its name, after looking at all.
///
/// # Errors
/// [`Error::Tensors`] names the first tensor that is missing or misshaped; when a copy fails.
pub(crate) fn load_all<'a>(
    variables: impl Iterator<Item = (&'a str, &'a Var)>,
    tensors: &HashMap<String, Tensor>,
) -> Result<()> {
    let mut pairs = Vec::new();
    for (name, var) in variables {
        match tensors.get(name) {
            Some(t) if t.dims() == var.dims() => pairs.push((var, t)),
            Some(t) => {
                let (expected, got) = (var.dims(), t.dims());
                return Err(Error::Tensors(format!("{name}: expected {expected:?}, got {got:?}")));
            }
            None => return Err(Error::Tensors(format!("{name}: expected a tensor, got none"))),
        }
    }
    for (var, t) in pairs {
        var.set(&t.to_device(var.device())?.to_dtype(var.dtype())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

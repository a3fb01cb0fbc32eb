//! Exponentially averaged weights, which are what is evaluated and saved.

use crate::error::Result;
use candle_core::{Tensor, Var};
use candle_vision_helpers::ops::ema_steps;
use std::collections::HashMap;

/// Shadows of all variables of a network. Running statistics of normalization are averaged like the parameters, for
/// they must fit the averaged weights rather than the last ones.
pub(crate) struct Ema {
    decay: f64,
    pairs: Vec<(String, Var, Var)>,
}

impl Ema {
    /// Shadows that start as the variables are now.
    ///
    /// # Errors
    /// When memory cannot be had on the device.
    pub(crate) fn new(decay: f64, variables: &[(String, Var)]) -> Result<Self> {
        let pair = |(name, var): &(String, Var)| {
            let shadow = Var::from_tensor(&var.as_detached_tensor().copy()?)?;
            Ok((name.clone(), var.clone(), shadow))
        };
        Ok(Self { decay, pairs: variables.iter().map(pair).collect::<Result<_>>()? })
    }

    /// Follows the variables after step `step` (from 1 on). Early on the decay is `(1 + step) / (10 + step)` at most,
    /// so that the random start is soon forgotten.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub(crate) fn update(&self, step: usize) -> Result<()> {
        let decay = self.decay.min((1.0 + step as f64) / (10.0 + step as f64));
        let pairs: Vec<(&Var, &Tensor)> = self.pairs.iter().map(|(_, var, shadow)| (shadow, var.as_tensor())).collect();
        Ok(ema_steps(&pairs, decay)?)
    }

    /// Runs `f` with the averaged values in the network's variables, and puts the trained ones back whatever comes of
    /// it.
    ///
    /// # Errors
    /// Those of `f`, or when a copy fails.
    pub(crate) fn averaged<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        self.swap()?;
        let result = f();
        self.swap()?;
        result
    }

    fn swap(&self) -> Result<()> {
        for (_, var, shadow) in &self.pairs {
            let kept = var.as_detached_tensor().copy()?;
            var.set(&shadow.as_detached_tensor())?;
            shadow.set(&kept)?;
        }
        Ok(())
    }

    /// The shadows by name.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        self.pairs.iter().map(|(name, _, shadow)| (name.clone(), shadow.as_detached_tensor())).collect()
    }

    /// Takes up saved shadows.
    ///
    /// # Errors
    /// [`crate::Error::Tensors`] names the first that is missing or misshaped; when a copy fails.
    pub(crate) fn load(&self, tensors: &HashMap<String, Tensor>) -> Result<()> {
        super::load_all(self.pairs.iter().map(|(name, _, shadow)| (name.as_str(), shadow)), tensors)
    }
}

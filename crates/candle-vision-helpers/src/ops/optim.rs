//! What one step of an optimizer needs to know.

use candle_core::{Tensor, Var};

/// The numbers of one AdamW step.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// Learning rate.
    pub lr: f64,
    /// Decay rate of the first moment, the mean of the gradients.
    pub beta1: f64,
    /// Decay rate of the second moment, the mean of their squares.
    pub beta2: f64,
    /// What keeps the quotient finite.
    pub eps: f64,
    /// Decoupled weight decay: `lr * weight_decay` of the parameter is taken off.
    pub weight_decay: f64,
    /// `1 - beta1^t` at step `t`, from 1 on.
    pub bias_correction1: f64,
    /// `1 - beta2^t` at step `t`.
    pub bias_correction2: f64,
}

/// A parameter with what one AdamW step of it needs, all shaped alike.
#[derive(Clone, Copy, Debug)]
pub struct AdamWItem<'a> {
    /// The parameter, changed in place.
    pub param: &'a Var,
    /// The parameter's gradient.
    pub grad: &'a Tensor,
    /// The first moment, changed in place.
    pub m: &'a Var,
    /// The second moment, changed in place.
    pub v: &'a Var,
    /// The step's numbers; in one call all items share the decay rates, `eps` and the corrections.
    pub step: AdamWStep,
}

/// The numbers of one step of SGD.
#[derive(Clone, Copy, Debug)]
pub struct SgdStep {
    /// Learning rate.
    pub lr: f64,
    /// Part of the velocity that is kept.
    pub momentum: f64,
    /// What is added to the gradient for each unit of the parameter.
    pub weight_decay: f64,
    /// Whether the step looks ahead (Nesterov).
    pub nesterov: bool,
}

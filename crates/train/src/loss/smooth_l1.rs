//! Huber's loss divided by `beta` (PyTorch's `SmoothL1Loss`).

use super::{
    pointwise::{Difference, Pointwise, on_target},
    taken::{Loss, Taken, is_plain},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, wrong::ensure_positive};
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Huber's loss divided by `beta`, on the codec's target: quadratic below `beta`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmoothL1 {
    /// Where it turns linear, in the target's unit: for regression, a fraction of the view.
    pub beta: f64,
}

impl Pointwise for SmoothL1 {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        let (beta, distance) = (self.beta, &at.distance);
        let near = distance.lt(beta)?;
        let quadratic = ((distance.sqr()? * 0.5)? / beta)?;
        let costs = near.where_cond(&quadratic, &(distance - 0.5 * beta)?)?;
        Ok((costs, near.where_cond(&(&at.difference / beta)?, &at.sign)?))
    }
}

impl Loss for SmoothL1 {
    fn fits(codec: &CodecConfig) -> bool {
        is_plain(codec)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_positive("beta", self.beta)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_target(self, of)
    }
}

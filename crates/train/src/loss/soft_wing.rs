//! The soft wing loss (Lin et al. 2021).

use super::{
    pointwise::{Difference, Pointwise, logarithm, on_points},
    taken::{Loss, Taken, has_coordinates},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, wrong::ensure_positive};
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Soft wing (Lin et al. 2021), view pixels: linear below `omega1`, then `omega2 ln(1 + d / epsilon)`, shifted to be
/// continuous.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftWing {
    /// Width of the linear part.
    pub omega1: f64,
    /// Height of the logarithmic part.
    pub omega2: f64,
    /// Its curvature.
    pub epsilon: f64,
}

impl Pointwise for SoftWing {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        let (&Self { omega1, omega2, epsilon }, distance) = (self, &at.distance);
        let near = distance.lt(omega1)?;
        let (curve, slope) = logarithm(distance, omega2, epsilon)?;
        let offset = omega1 - omega2 * (1.0 + omega1 / epsilon).ln();
        let costs = near.where_cond(distance, &(curve + offset)?)?;
        Ok((costs, (near.where_cond(&slope.ones_like()?, &slope)? * &at.sign)?))
    }
}

impl Loss for SoftWing {
    fn fits(codec: &CodecConfig) -> bool {
        has_coordinates(codec)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_positive("omega1", self.omega1)?;
        ensure_positive("omega2", self.omega2)?;
        ensure_positive("epsilon", self.epsilon)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_points(self, of)
    }
}

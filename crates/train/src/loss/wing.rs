//! The wing loss (Feng et al. 2018).

use super::{
    pointwise::{Difference, Pointwise, logarithm, on_points},
    taken::{Loss, Taken, has_coordinates},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, wrong::ensure_positive};
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Wing (Feng et al. 2018), view pixels: a logarithm, then linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wing {
    /// Width of the logarithmic part.
    pub omega: f64,
    /// Its curvature.
    pub epsilon: f64,
}

impl Pointwise for Wing {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        let (&Self { omega, epsilon }, distance) = (self, &at.distance);
        let near = distance.lt(omega)?;
        let (curve, slope) = logarithm(distance, omega, epsilon)?;
        let offset = omega - omega * (1.0 + omega / epsilon).ln();
        let costs = near.where_cond(&curve, &(distance - offset)?)?;
        Ok((costs, (near.where_cond(&slope, &slope.ones_like()?)? * &at.sign)?))
    }
}

impl Loss for Wing {
    fn fits(codec: &CodecConfig) -> bool {
        has_coordinates(codec)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_positive("omega", self.omega)?;
        ensure_positive("epsilon", self.epsilon)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_points(self, of)
    }
}

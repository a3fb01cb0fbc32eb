//! The adaptive wing loss on maps (Wang et al. 2019).

use super::{
    pointwise::{Difference, Pointwise, on_target},
    taken::{Loss, Taken, target},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::ops;
use facekp_models::{CodecConfig, codec::heatmap::Target};
use serde::{Deserialize, Serialize};

const ALPHA: f64 = 2.1;
const OMEGA: f64 = 14.0;
const THETA: f64 = 0.5;

/// Adaptive wing on maps (Wang et al. 2019, α 2.1, ω 14, ε 1, θ 0.5), with its weighted loss map (10 where the dilated
/// target is above 0.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveWing {}

impl Pointwise for AdaptiveWing {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        let (costs, slopes) = curve(&at.distance, &at.target)?;
        let map = (ops::max_pool2d(&at.target, 3, 1, 1)?.ge(0.2)?.to_dtype(at.target.dtype())? * 10.0)?;
        let factor = (map + 1.0)?;
        Ok(((costs * &factor)?, ((slopes * &at.sign)? * factor)?))
    }
}

impl Loss for AdaptiveWing {
    fn fits(codec: &CodecConfig) -> bool {
        target(codec) == Some(Target::Gaussian)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_target(self, of)
    }
}

/// Costs and slopes of distances, by targets in `0..=1`; with ε = 1, `θ/ε = θ`.
fn curve(distance: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
    let exponent = (ALPHA - target)?;
    let theta_to = (&exponent * THETA.ln())?.exp()?;
    // 0 to a power above 1 is 0, which the logarithm in between cannot say
    let power = (distance.clamp(1e-12, f64::INFINITY)?.log()? * &exponent)?.exp()?;
    let near_cost = ((&power + 1.0)?.log()? * OMEGA)?;
    let near_slope = (((&exponent * &power)? / ((&power + 1.0)? * distance.clamp(1e-12, f64::INFINITY)?)?)? * OMEGA)?;
    // A = ω (α - y) θ^(α - y - 1) / (1 + θ^(α - y)), C = θ A - ω ln(1 + θ^(α - y))
    let a = (((&exponent * &theta_to)? / (&theta_to + 1.0)?)? * (OMEGA / THETA))?;
    let c = ((&a * THETA)? - ((theta_to + 1.0)?.log()? * OMEGA)?)?;
    let far_cost = ((&a * distance)? - c)?;
    let near = distance.lt(THETA)?;
    Ok((near.where_cond(&near_cost, &far_cost)?, near.where_cond(&near_slope, &a)?))
}

//! Losses that are a function of each value and its target alone, with their slopes written out: one pass forwards, and
//! one product backwards.

use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::ops;

/// What one element costs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pointwise {
    Absolute,
    SmoothL1 { beta: f64 },
    Wing { omega: f64, epsilon: f64 },
    SoftWing { omega1: f64, omega2: f64, epsilon: f64 },
    AdaptiveWing,
    BinaryCrossEntropy,
}

impl Pointwise {
    /// The mean over the elements of `output` where `weights` (broadcast to it) is 1; `target` is shaped as `output`.
    pub(super) fn mean(self, output: &Tensor, target: &Tensor, weights: &Tensor) -> Result<Tensor> {
        let weights = weights.broadcast_as(output.shape())?;
        let (costs, slopes) = self.costs_and_slopes(&output.detach(), &target.detach())?;
        let counted = counted(&weights)?;
        let value = ((costs * &weights)?.sum_all()? / &counted)?;
        let gradient = (slopes * &weights)?.broadcast_div(&counted)?;
        with_gradient(output, &gradient, &value)
    }

    /// The cost of each element and its derivative by the output.
    fn costs_and_slopes(self, output: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
        let difference = (output - target)?;
        let (distance, sign) = (difference.abs()?, difference.sign()?);
        Ok(match self {
            Self::Absolute => (distance, sign),
            Self::SmoothL1 { beta } => {
                let near = distance.lt(beta)?;
                let quadratic = ((distance.sqr()? * 0.5)? / beta)?;
                let costs = near.where_cond(&quadratic, &(&distance - 0.5 * beta)?)?;
                (costs, near.where_cond(&(difference / beta)?, &sign)?)
            }
            Self::Wing { omega, epsilon } => {
                let near = distance.lt(omega)?;
                let (curve, slope) = logarithm(&distance, omega, epsilon)?;
                let offset = omega - omega * (1.0 + omega / epsilon).ln();
                let costs = near.where_cond(&curve, &(&distance - offset)?)?;
                (costs, (near.where_cond(&slope, &slope.ones_like()?)? * sign)?)
            }
            Self::SoftWing { omega1, omega2, epsilon } => {
                let near = distance.lt(omega1)?;
                let (curve, slope) = logarithm(&distance, omega2, epsilon)?;
                let offset = omega1 - omega2 * (1.0 + omega1 / epsilon).ln();
                let costs = near.where_cond(&distance, &(curve + offset)?)?;
                (costs, (near.where_cond(&slope.ones_like()?, &slope)? * sign)?)
            }
            Self::AdaptiveWing => {
                let (costs, slopes) = adaptive_wing(&distance, target)?;
                let map = (ops::max_pool2d(target, 3, 1, 1)?.ge(0.2)?.to_dtype(target.dtype())? * 10.0)?;
                let factor = (map + 1.0)?;
                ((costs * &factor)?, ((slopes * sign)? * factor)?)
            }
            Self::BinaryCrossEntropy => {
                // log(1 + e^x) - x y, written so that nothing overflows
                let soft = (output.abs()?.neg()?.exp()? + 1.0)?.log()?;
                let costs = ((output.relu()? - (output * target)?)? + soft)?;
                (costs, (candle_nn::ops::sigmoid(output)? - target)?)
            }
        })
    }
}

/// `height ln(1 + d / epsilon)` and its slope.
fn logarithm(distance: &Tensor, height: f64, epsilon: f64) -> Result<(Tensor, Tensor)> {
    let curve = (((distance / epsilon)? + 1.0)?.log()? * height)?;
    Ok((curve, ((distance + epsilon)?.recip()? * height)?))
}

/// Adaptive Wing of distances, by targets in `0..=1`; with ε = 1, `θ/ε = θ`.
fn adaptive_wing(distance: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
    const ALPHA: f64 = 2.1;
    const OMEGA: f64 = 14.0;
    const THETA: f64 = 0.5;
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

/// How many elements count: the sum of the weights, at least 1 so that a batch of hidden points costs 0.
pub(super) fn counted(weights: &Tensor) -> Result<Tensor> {
    Ok(weights.sum_all()?.maximum(1f64)?)
}

/// A scalar that is `value`, and whose gradient by `output` is `gradient`.
fn with_gradient(output: &Tensor, gradient: &Tensor, value: &Tensor) -> Result<Tensor> {
    let product = (output * gradient.detach())?.sum_all()?;
    let nothing = (&product - product.detach())?;
    Ok((nothing + value.detach())?)
}

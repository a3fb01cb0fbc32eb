//! Losses that are a function of each value and its target alone, with their slopes written out: one pass forwards, and
//! one product backwards.

use crate::{error::Result, loss::taken::Taken};
use candle_core::Tensor;
use candle_vision_helpers::ops;

/// An output and its target, `shape` alike, and what lies between them.
pub(super) struct Difference {
    pub output: Tensor,
    pub target: Tensor,
    pub difference: Tensor,
    pub distance: Tensor,
    pub sign: Tensor,
}

/// What one element costs.
pub(super) trait Pointwise {
    /// The cost of each element and its derivative by the output.
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)>;
}

/// The mean over the elements of `output` where `weights` (broadcast to it) is 1; `target` is shaped as `output`.
pub(super) fn mean(loss: &dyn Pointwise, output: &Tensor, target: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let weights = weights.broadcast_as(output.shape())?;
    let (out, target) = (output.detach(), target.detach());
    let difference = (&out - &target)?;
    let (distance, sign) = (difference.abs()?, difference.sign()?);
    let (costs, slopes) = loss.costs_and_slopes(&Difference { output: out, target, difference, distance, sign })?;
    let counted = counted(&weights)?;
    let value = (ops::sum_all(&(costs * &weights)?)? / &counted)?;
    let gradient = (slopes * &weights)?.broadcast_div(&counted)?;
    with_gradient(output, &gradient, &value)
}

/// [`mean`] between the output and the codec's target.
pub(super) fn on_target(loss: &dyn Pointwise, of: &Taken<'_>) -> Result<Tensor> {
    mean(loss, of.output, &of.codec.encode(of.points)?, &of.codec.spread_weights(of.weights)?)
}

/// [`mean`] between the points of the output and the annotated ones, view pixels.
pub(super) fn on_points(loss: &dyn Pointwise, of: &Taken<'_>) -> Result<Tensor> {
    mean(loss, &of.codec.points(of.output)?, of.points, &of.weights.unsqueeze(2)?)
}

/// `height ln(1 + d / epsilon)` and its slope.
pub(super) fn logarithm(distance: &Tensor, height: f64, epsilon: f64) -> Result<(Tensor, Tensor)> {
    let curve = (((distance / epsilon)? + 1.0)?.log()? * height)?;
    Ok((curve, ((distance + epsilon)?.recip()? * height)?))
}

/// How many elements count: the sum of the weights, at least 1 so that a batch of hidden points costs 0. It is that of
/// all ranks, so that their losses add up to that of the whole batch.
pub(super) fn counted(weights: &Tensor) -> Result<Tensor> {
    Ok(ops::total(&ops::sum_all(weights)?)?.maximum(1f64)?)
}

/// A scalar that is `value`, and whose gradient by `output` is `gradient`.
fn with_gradient(output: &Tensor, gradient: &Tensor, value: &Tensor) -> Result<Tensor> {
    let product = ops::sum_all(&(output * gradient.detach())?)?;
    let nothing = (&product - product.detach())?;
    Ok((nothing + value.detach())?)
}

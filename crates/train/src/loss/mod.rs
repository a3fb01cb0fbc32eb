//! Losses between what a network says and where the points are.
//!
//! Every loss is a mean over what counts: over the visible points and their coordinates, or over all cells of the maps
//! of visible points. It is therefore of one size whatever the batch, and hidden points cost nothing.

mod pointwise;

use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{
    Size, Wrong, ops,
    wrong::{ensure_not_negative, ensure_positive},
};
use facekp_models::{Codec, CodecConfig, codec::heatmap::Target};
use pointwise::Pointwise;
use serde::{Deserialize, Serialize};

/// Which loss. Coordinate losses measure in view pixels on `Codec::points`; map losses on the codec's target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LossConfig {
    /// Mean squared difference to the codec's target.
    Mse,
    /// Mean absolute difference to the codec's target.
    L1,
    /// Huber's divided by `beta` (PyTorch's `SmoothL1Loss`), on the codec's target, quadratic below `beta`.
    SmoothL1 {
        /// Where it turns linear, in the target's unit: for regression, a fraction of the view.
        beta: f64,
    },
    /// Wing (Feng et al. 2018), view pixels.
    Wing {
        /// Width of the logarithmic part.
        omega: f64,
        /// Its curvature.
        epsilon: f64,
    },
    /// Soft Wing (Lin et al. 2021): linear below `omega1`, then `omega2 ln(1 + d / epsilon)`, shifted to be continuous.
    SoftWing {
        /// Pixels.
        omega1: f64,
        /// Height of the logarithmic part.
        omega2: f64,
        /// Curvature.
        epsilon: f64,
    },
    /// Adaptive Wing on maps (Wang et al. 2019, α 2.1, ω 14, ε 1, θ 0.5), with its weighted loss map (10 where the
    /// dilated target is above 0.2).
    AdaptiveWing,
    /// Binary cross-entropy of sigmoid maps.
    BinaryCrossEntropy,
    /// Softmax cross-entropy of maps, plus `coordinate` × L1 of the soft-argmax as a fraction of the view.
    SoftmaxCrossEntropy {
        /// Weight of the second part.
        coordinate: f64,
    },
}

impl LossConfig {
    /// The loss of a batch: a scalar tensor. `output` `(B, ..codec.output_shape())`, `points` `(B, K, 2)` view pixels,
    /// `weights` `(B, K)`, all on one device; `view` is the size of the view.
    ///
    /// # Errors
    /// When loss and codec do not fit.
    pub fn compute(
        &self,
        output: &Tensor,
        points: &Tensor,
        weights: &Tensor,
        codec: &dyn Codec,
        view: Size,
    ) -> Result<Tensor> {
        let on_target = |loss: Pointwise| -> Result<Tensor> {
            let target = codec.encode(points)?;
            loss.mean(output, &target, &codec.spread_weights(weights)?)
        };
        let on_points = |loss: Pointwise| loss.mean(&codec.points(output)?, points, &weights.unsqueeze(2)?);
        match *self {
            Self::Mse => {
                let target = codec.encode(points)?;
                let spread = codec.spread_weights(weights)?.broadcast_as(output.shape())?.contiguous()?;
                // the operation's mean is over hidden elements too
                let all_to_counted = (pointwise::counted(&spread)?.recip()? * output.elem_count() as f64)?;
                Ok((ops::mse_loss(output, &target, Some(&spread))? * all_to_counted)?)
            }
            Self::L1 => on_target(Pointwise::Absolute),
            Self::SmoothL1 { beta } => on_target(Pointwise::SmoothL1 { beta }),
            Self::Wing { omega, epsilon } => on_points(Pointwise::Wing { omega, epsilon }),
            Self::SoftWing { omega1, omega2, epsilon } => on_points(Pointwise::SoftWing { omega1, omega2, epsilon }),
            Self::AdaptiveWing => on_target(Pointwise::AdaptiveWing),
            Self::BinaryCrossEntropy => on_target(Pointwise::BinaryCrossEntropy),
            Self::SoftmaxCrossEntropy { coordinate } => {
                let log_p = ops::log_softmax_maps(output)?;
                let cross = (codec.encode(points)? * &log_p)?.sum((2, 3))?.neg()?;
                let cross = ((cross * weights)?.sum_all()? / pointwise::counted(weights)?)?;
                if coordinate == 0.0 {
                    return Ok(cross);
                }
                let sides = Tensor::new(&[view.width as f32, view.height as f32], points.device())?;
                let [expected, truth] = [&codec.points(output)?, points].map(|p| p.broadcast_div(&sides));
                let away = Pointwise::Absolute.mean(&expected?, &truth?, &weights.unsqueeze(2)?)?;
                Ok((cross + (away * coordinate)?)?)
            }
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self) -> Result<(), Wrong> {
        match *self {
            Self::Mse | Self::L1 | Self::AdaptiveWing | Self::BinaryCrossEntropy => Ok(()),
            Self::SmoothL1 { beta } => ensure_positive("beta", beta),
            Self::Wing { omega, epsilon } => {
                ensure_positive("omega", omega)?;
                ensure_positive("epsilon", epsilon)
            }
            Self::SoftWing { omega1, omega2, epsilon } => {
                ensure_positive("omega1", omega1)?;
                ensure_positive("omega2", omega2)?;
                ensure_positive("epsilon", epsilon)
            }
            Self::SoftmaxCrossEntropy { coordinate } => ensure_not_negative("coordinate", coordinate),
        }
    }

    /// Whether this loss can be taken of what `codec` says of points.
    ///
    /// # Errors
    /// The losses that fit.
    pub fn fits(&self, codec: &CodecConfig) -> Result<(), Wrong> {
        use LossConfig as L;
        let coordinate = matches!(self, L::Wing { .. } | L::SoftWing { .. });
        let difference = matches!(self, L::Mse | L::L1 | L::SmoothL1 { .. });
        let (fits, all) = match codec {
            CodecConfig::Regression => (coordinate || difference, "mse, l1, smooth_l1, wing or soft_wing"),
            CodecConfig::Heatmap(c) => match c.target {
                Target::Gaussian => {
                    (difference || matches!(self, L::AdaptiveWing), "mse, l1, smooth_l1 or adaptive_wing")
                }
                Target::Sigmoid | Target::Summed => (matches!(self, L::BinaryCrossEntropy), "binary_cross_entropy"),
                Target::Softmax => (
                    coordinate || matches!(self, L::SoftmaxCrossEntropy { .. }),
                    "softmax_cross_entropy, wing or soft_wing",
                ),
            },
        };
        let expected = format!("a loss for the task's codec: {all}");
        if fits { Ok(()) } else { Err(Wrong::new("kind", expected, format_args!("{self:?}"))) }
    }
}

#[cfg(test)]
mod tests;

//! The mean distance of the points: what the pixel error and the NME measure, as a loss.

use super::{
    pointwise::counted,
    taken::{Loss, Taken, has_coordinates},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, wrong::ensure_positive};
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Mean over the visible points of `√(dx² + dy² + epsilon²) − epsilon`, view pixels: the Euclidean distance, rounded
/// within `epsilon` so that its slope has no jump (Charbonnier and others 1994).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointDistance {
    /// Distance in view pixels below which it is quadratic.
    pub epsilon: f64,
}

impl Loss for PointDistance {
    fn fits(codec: &CodecConfig) -> bool {
        has_coordinates(codec)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_positive("epsilon", self.epsilon)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        let squares = (of.codec.points(of.output)? - of.points)?.sqr()?.sum(2)?;
        let distances = ((squares + self.epsilon * self.epsilon)?.sqrt()? - self.epsilon)?;
        Ok(((distances * of.weights)?.sum_all()? / counted(of.weights)?)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_core::Device;
    use candle_vision_helpers::{Size, grad_check};
    use facekp_models::{Codec, codec::regression::RegressionCodec};

    const VIEW: Size = Size::new(40, 30);

    /// The loss for three points, the last one hidden, the others off by `away`.
    fn loss(epsilon: f64, output: &Tensor, away: [f32; 4]) -> Tensor {
        let codec = RegressionCodec::new(3, VIEW);
        let at = codec.points(&Tensor::zeros((1, 6), output.dtype(), &Device::Cpu).unwrap()).unwrap();
        let [a, b, c, d] = away;
        let points = (at - Tensor::new(&[[[a, b], [c, d], [9.0, 9.0]]], &Device::Cpu).unwrap()).unwrap();
        let weights = Tensor::new(&[[1f32, 1.0, 0.0]], &Device::Cpu).unwrap();
        let (points, weights) = (&points, &weights);
        PointDistance { epsilon }.compute(&Taken { output, points, weights, codec: &codec, view: VIEW }).unwrap()
    }

    #[test]
    fn a_distance_by_hand() {
        let zero = Tensor::zeros((1, 6), candle_core::DType::F32, &Device::Cpu).unwrap();
        let value = |epsilon, away| f64::from(loss(epsilon, &zero, away).to_scalar::<f32>().unwrap());
        // (√(3² + 4² + 12²) − 12) / 2 = 1 / 2: the other visible point is where it should be
        assert!((value(12.0, [3.0, 4.0, 0.0, 0.0]) - 0.5).abs() < 1e-4);
        assert!((value(1e-6, [3.0, 4.0, 0.0, 5.0]) - 5.0).abs() < 1e-4);
    }

    #[test]
    fn its_gradient_is_the_slope() {
        let output = Tensor::new(&[[0.01f32, -0.02, 0.03, 0.0, 0.5, 0.5]], &Device::Cpu).unwrap();
        grad_check::check(|o| Ok(loss(1.0, &o[0], [3.0, 4.0, 1.0, -0.5])), &[output], 1e-3, 1e-2).unwrap();
    }
}

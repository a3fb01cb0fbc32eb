//! Softmax cross-entropy of maps.

use super::{
    l1::L1,
    pointwise::{counted, mean},
    taken::{Loss, Taken, target},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, ops, wrong::ensure_not_negative};
use facekp_models::{CodecConfig, codec::heatmap::Target};
use serde::{Deserialize, Serialize};

/// Softmax cross-entropy of maps, plus `coordinate` × L1 of the soft-argmax as a fraction of the view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftmaxCrossEntropy {
    /// Weight of the second part.
    pub coordinate: f64,
}

impl Loss for SoftmaxCrossEntropy {
    fn fits(codec: &CodecConfig) -> bool {
        target(codec) == Some(Target::Softmax)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_not_negative("coordinate", self.coordinate)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        let Taken { output, points, weights, codec, view } = of;
        let log_p = ops::log_softmax_maps(output)?;
        let cross = (codec.encode(points)? * &log_p)?.sum((2, 3))?.neg()?;
        let cross = ((cross * *weights)?.sum_all()? / counted(weights)?)?;
        if self.coordinate == 0.0 {
            return Ok(cross);
        }
        let sides = Tensor::new(&[view.width as f32, view.height as f32], points.device())?;
        let [expected, truth] = [&codec.points(output)?, *points].map(|p| p.broadcast_div(&sides));
        let away = mean(&L1 {}, &expected?, &truth?, &weights.unsqueeze(2)?)?;
        Ok((cross + (away * self.coordinate)?)?)
    }
}

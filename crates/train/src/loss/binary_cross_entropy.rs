//! Binary cross-entropy of sigmoid maps.

use super::{
    pointwise::{Difference, Pointwise, on_target},
    taken::{Loss, Taken, target},
};
use crate::error::Result;
use candle_core::Tensor;
use facekp_models::{CodecConfig, codec::heatmap::Target};
use serde::{Deserialize, Serialize};

/// Binary cross-entropy of sigmoid maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropy {}

impl Pointwise for BinaryCrossEntropy {
    fn costs_and_slopes(&self, Difference { output, target, .. }: &Difference) -> Result<(Tensor, Tensor)> {
        // log(1 + e^x) - x y, written so that nothing overflows
        let soft = (output.abs()?.neg()?.exp()? + 1.0)?.log()?;
        let costs = ((output.relu()? - (output * target)?)? + soft)?;
        Ok((costs, (candle_nn::ops::sigmoid(output)? - target)?))
    }
}

impl Loss for BinaryCrossEntropy {
    fn fits(codec: &CodecConfig) -> bool {
        matches!(target(codec), Some(Target::Sigmoid | Target::Summed))
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_target(self, of)
    }
}

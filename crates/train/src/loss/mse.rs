//! Mean squared difference to the codec's target.

use super::{
    pointwise::counted,
    taken::{Loss, Taken, is_plain},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::ops;
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Mean squared difference to the codec's target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mse {}

impl Loss for Mse {
    fn fits(codec: &CodecConfig) -> bool {
        is_plain(codec)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        let target = of.codec.encode(of.points)?;
        let spread = of.codec.spread_weights(of.weights)?.broadcast_as(of.output.shape())?.contiguous()?;
        // the operation's mean is over hidden elements too
        let all_to_counted = (counted(&spread)?.recip()? * of.output.elem_count() as f64)?;
        Ok((ops::mse_loss(of.output, &target, Some(&spread))? * all_to_counted)?)
    }
}

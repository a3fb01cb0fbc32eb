//! Mean absolute difference to the codec's target.

use super::{
    pointwise::{Difference, Pointwise, on_target},
    taken::{Loss, Taken, is_plain},
};
use crate::error::Result;
use candle_core::Tensor;
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Mean absolute difference to the codec's target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1 {}

impl Pointwise for L1 {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        Ok((at.distance.clone(), at.sign.clone()))
    }
}

impl Loss for L1 {
    fn fits(codec: &CodecConfig) -> bool {
        is_plain(codec)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_target(self, of)
    }
}

//! What a loss is, and what it is taken of.

use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{Size, Wrong};
use facekp_models::{Codec, CodecConfig, codec::heatmap::Target};

/// A batch's output and truth, all on one device.
pub struct Taken<'a> {
    /// `(B, ..codec.output_shape())`.
    pub output: &'a Tensor,
    /// `(B, K, 2)`, view pixels.
    pub points: &'a Tensor,
    /// `(B, K)`: 1 where a point is visible, else 0.
    pub weights: &'a Tensor,
    /// What stands between them.
    pub codec: &'a dyn Codec,
    /// The size of the view.
    pub view: Size,
}

/// A loss: its settings, and how it is computed.
pub(super) trait Loss {
    /// Whether it can be taken of what `codec` says of points.
    fn fits(codec: &CodecConfig) -> bool
    where
        Self: Sized;

    /// Checks every number.
    ///
    /// # Errors
    /// The first key that cannot be.
    fn validate(&self) -> Result<(), Wrong> {
        Ok(())
    }

    /// A scalar: the mean over what counts.
    ///
    /// # Errors
    /// When loss and codec do not fit.
    fn compute(&self, of: &Taken<'_>) -> Result<Tensor>;
}

/// Whether single points can be told from the output, so that their coordinates can be compared.
pub(super) fn has_coordinates(codec: &CodecConfig) -> bool {
    target(codec).is_none_or(|target| target == Target::Softmax)
}

/// What the maps show; `None` where the output has no maps.
pub(super) fn target(codec: &CodecConfig) -> Option<Target> {
    match codec {
        CodecConfig::Regression => None,
        CodecConfig::Heatmap(config) => Some(config.target),
    }
}

/// Whether the output is compared with the target as it is.
pub(super) fn is_plain(codec: &CodecConfig) -> bool {
    target(codec).is_none_or(|target| target == Target::Gaussian)
}

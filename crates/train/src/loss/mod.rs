//! Losses between network output and annotated points.
//!
//! Every loss is a mean over what counts: over the visible points and their coordinates, or over all cells of the maps
//! of visible points. It is therefore of one size whatever the batch, and hidden points cost nothing.

mod pointwise;
mod taken;

pub use taken::Taken;

use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::Wrong;
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};
use taken::Loss;

macro_rules! losses {
    ($($kind:ident => $Loss:ident,)*) => {
        $(mod $kind; pub use $kind::$Loss;)*

        /// Which loss, by its `kind`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum LossConfig {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $Loss($Loss),)*
        }

        impl LossConfig {
            fn loss(&self) -> (&'static str, &dyn Loss) {
                match self {
                    $(Self::$Loss(loss) => (stringify!($kind), loss),)*
                }
            }

            /// The kinds that can be taken of what `codec` says of points.
            fn fitting(codec: &CodecConfig) -> Vec<&'static str> {
                let all = [$((stringify!($kind), $Loss::fits(codec)),)*];
                all.into_iter().filter(|(_, fits)| *fits).map(|(kind, _)| kind).collect()
            }
        }
    };
}

// Every loss; a kind in recipes is the name of its module, which this declares.
losses! {
    mse => Mse,
    l1 => L1,
    smooth_l1 => SmoothL1,
    wing => Wing,
    soft_wing => SoftWing,
    rectified_wing => RectifiedWing,
    adaptive_wing => AdaptiveWing,
    point_distance => PointDistance,
    binary_cross_entropy => BinaryCrossEntropy,
    softmax_cross_entropy => SoftmaxCrossEntropy,
}

impl LossConfig {
    /// The loss of a batch: a scalar tensor.
    ///
    /// # Errors
    /// When loss and codec do not fit.
    pub fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        self.loss().1.compute(of)
    }

    /// Checks every number.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self) -> Result<(), Wrong> {
        self.loss().1.validate()
    }

    /// Checks that this loss can be taken of what `codec` says of points.
    ///
    /// # Errors
    /// The losses that can.
    pub fn fits(&self, codec: &CodecConfig) -> Result<(), Wrong> {
        let (own, all) = (self.loss().0, Self::fitting(codec));
        if all.contains(&own) {
            return Ok(());
        }
        let all = all.join(", ");
        Err(Wrong::new("kind", format!("a loss for the task's codec: {all}"), format_args!("{own:?}")))
    }
}

#[cfg(test)]
mod tests;

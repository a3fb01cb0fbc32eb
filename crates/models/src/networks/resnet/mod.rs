//! ResNet (He et al. 2015; torchvision's v1.5 layout and parameter names), for training.

mod block;
pub(crate) mod trunk;

use super::regressor::{Pooling, Sizes};
use super::trunk::Kind;
use serde::{Deserialize, Serialize};

/// The sizes of a ResNet with direct regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Depth: 18, 34 or 50.
    pub depth: usize,
    /// Pooling before the last layer.
    #[serde(default)]
    pub pooling: Pooling,
}

impl Config {
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { trunk: Kind::Resnet(self.depth), pooling: self.pooling }
    }
}

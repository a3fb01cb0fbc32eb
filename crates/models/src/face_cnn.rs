//! The 58-point network: five convolutions, two fully connected layers.

use crate::plain::Sizes;
use serde::{Deserialize, Serialize};

/// Sizes. The course's network: channels 20 24 26 28 30, kernel 5, hidden 256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Output channels of each convolution ("same" padding, ReLU, max-pool 2).
    pub channels: Vec<usize>,
    /// Odd kernel sides, as many.
    pub kernels: Vec<usize>,
    /// Width of the hidden fully connected layer.
    pub hidden: usize,
}

impl Config {
    pub(crate) fn sizes(&self) -> Sizes<'_> {
        Sizes { channels: &self.channels, kernels: &self.kernels, hidden: self.hidden }
    }
}

//! The networks: which there are, with their sizes, and what each can do.

pub mod heatmap_net;
mod mobilenet;
pub mod plain;
mod planned;
pub mod regressor;
mod resnet;
pub mod trunk;
pub mod yunet;

use crate::error::Result;
use crate::onnx::{Graph, Value};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// What a forward pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// A training step: batch statistics where there is batch normalization, which moves its running statistics.
    Training,
    /// Predictions: running statistics where there is batch normalization.
    Inference,
}

impl Pass {
    /// Whether it is a training step.
    pub(crate) fn trains(self) -> bool {
        self == Self::Training
    }
}

/// A network from pictures to whatever its codec decodes.
pub trait KeypointModel: Send + Sync {
    /// Computes the output, in the codec's shape, from normalized pictures `(B, C, H, W)`.
    ///
    /// # Errors
    /// When the input's shape does not fit.
    fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor>;
    /// The weights of the first convolution `(O, C, KH, KW)`.
    fn first_filters(&self) -> Tensor;
    /// Named maps `(B, C, H, W)` after each stage, for looking at.
    ///
    /// # Errors
    /// When the input's shape does not fit.
    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>>;
    /// Adds the network, normalization folded into convolutions, to a graph of ONNX operators: its output, in the
    /// codec's shape behind a batch of any size, from normalized pictures `(B, C, H, W)`.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Value>;
    /// A copy that can only predict: no gradients, normalization folded into convolutions, not changed by further
    /// training; `None` where nothing would be gained.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn for_inference(&self) -> Result<Option<Box<dyn KeypointModel>>> {
        Ok(None)
    }
}

/// A kind of network with its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelConfig {
    /// Convolutions with pooling and two fully connected layers; older weights and recipes call it by its two uses.
    #[serde(alias = "nose_cnn", alias = "face_cnn")]
    Plain(plain::Config),
    /// ResNet with direct regression.
    Resnet(regressor::Resnet),
    /// MobileNetV2 with direct regression.
    MobilenetV2(regressor::MobilenetV2),
    /// A trunk and heatmaps.
    HeatmapNet(heatmap_net::Config),
}

impl ModelConfig {
    /// What it is, for people: `ResNet-50 with heatmaps`.
    pub fn title(&self) -> String {
        match self {
            Self::Plain(c) => format!("{} convolutions and two fully connected layers", c.channels.len()),
            Self::Resnet(c) => format!("{} with direct regression", c.sizes().trunk.title()),
            Self::MobilenetV2(c) => format!("{} with direct regression", c.sizes().trunk.title()),
            Self::HeatmapNet(c) => {
                let trunk = c.trunk().map_or_else(|_| "A trunk".to_owned(), trunk::Kind::title);
                format!("{trunk} with heatmaps")
            }
        }
    }
}

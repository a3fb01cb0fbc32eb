//! Points ↔ network output, as one object that states its shapes.

pub mod heatmap;
mod profile;
pub mod regression;

use crate::error::{Error, Result};
use crate::onnx::{Decoded, Graph, Value};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// A kind of codec with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CodecConfig {
    /// Coordinates at once, as fractions of the view about its center.
    Regression,
    /// One map per point, or one map for all.
    Heatmap(heatmap::Config),
}

/// Encodes points as the target of a network and decodes its output.
pub trait Codec: Send + Sync {
    /// Shape of the network's output without the batch: `[2K]`, `[K, h, w]`, or `[1, h, w]` for the summed map.
    fn output_shape(&self) -> Vec<usize>;
    /// Whether the output names single points; the map that sums all points does not.
    fn has_points(&self) -> bool {
        self.target() != Some(heatmap::Target::Summed)
    }
    /// Kind of maps in the output; `None` where it has none.
    fn target(&self) -> Option<heatmap::Target> {
        None
    }
    /// Encodes points: `(B, K, 2)` view pixels → target `(B, ..output_shape)`, on the same device. A sync point where
    /// that is no CPU.
    ///
    /// # Errors
    /// On another shape, or points that are not finite.
    fn encode(&self, points: &Tensor) -> Result<Tensor>;
    /// Decodes output: `(B, ..output_shape)` → points `(B, K, 2)` in view pixels and confidence `(B, K)` in `0..=1`,
    /// `None` where the output has no confidence. For reading, not for training through: a sync point.
    ///
    /// # Errors
    /// On another shape, or where the target has no points (the summed map).
    fn decode(&self, output: &Tensor) -> Result<(Tensor, Option<Tensor>)>;
    /// Decodes output as [`Codec::decode`] does, and measures how widely each map is spread. A sync point.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    fn decode_with_spread(&self, output: &Tensor) -> Result<Reading> {
        let (points, confidence) = self.decode(output)?;
        Ok(Reading { points, confidence, spread: None })
    }
    /// Adds [`Codec::decode`] to a graph of ONNX operators, `output` being `(B, ..output_shape)`; the map itself where
    /// the target has no points.
    fn onnx(&self, graph: &mut Graph, output: &Value) -> Decoded;
    /// Adds [`Reading::spread`] to a graph of ONNX operators; `None` where it is none.
    fn onnx_spread(&self, graph: &mut Graph, output: &Value) -> Option<Value> {
        let _ = (graph, output);
        None
    }
    /// Differentiable points `(B, K, 2)` in view pixels (regression: linear; heatmap: soft-argmax), for coordinate
    /// losses.
    ///
    /// # Errors
    /// On another shape, or where the target has no points (the summed map).
    fn points(&self, output: &Tensor) -> Result<Tensor>;
    /// Spreads weights `(B, K)` over the output's shape, so that a hidden point costs nothing. The summed map of a face
    /// with a hidden point costs nothing at all, since it is not known where it would have a peak.
    ///
    /// # Errors
    /// On another shape.
    fn spread_weights(&self, weights: &Tensor) -> Result<Tensor>;
    /// Turns output into maps `(B, K or 1, h, w)` in `0..=1` for looking at (a softmax map is divided by its peak);
    /// `None` where there are no maps.
    ///
    /// # Errors
    /// On another shape.
    fn maps(&self, output: &Tensor) -> Result<Option<Tensor>> {
        let _ = output;
        Ok(None)
    }
}

/// What an output says of its points.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `(B, K, 2)`, view pixels.
    pub points: Tensor,
    /// `(B, K)` in `0..=1`; `None` where the output has no confidence.
    pub confidence: Option<Tensor>,
    /// `(B, K)`, view pixels: the root of the mean squared distance from the map's mean, cells weighted by their
    /// values, and the view's diagonal for a map of nothing; `None` where there is no map for each point.
    pub spread: Option<Tensor>,
}

/// Checks that `tensor` is `(B, ..shape)` and returns B.
pub(crate) fn batch_of(what: &str, tensor: &Tensor, shape: &[usize]) -> Result<usize> {
    match tensor.dims() {
        [b, rest @ ..] if rest == shape => Ok(*b),
        got => {
            Err(Error::config(what, format_args!("(B, ..) with {shape:?} behind the batch"), format_args!("{got:?}")))
        }
    }
}

//! Networks that only predict: their maps are computed by a plan for the CPU, what is made of the last one as ever.

use super::{KeypointModel, Pass};
use crate::error::Result;
use crate::onnx::{Graph, Value};
use candle_core::Tensor;
use candle_vision_helpers::ops::Frozen;

/// A network in two parts.
pub(super) trait Parts: KeypointModel {
    /// The last map `(B, C, h, w)`, by convolutions and pooling alone.
    ///
    /// # Errors
    /// When the input's shape does not fit.
    fn last_map(&self, images: &Tensor) -> Result<Tensor>;

    /// The output, from the last map.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn output(&self, map: Tensor) -> Result<Tensor>;
}

/// A network whose weights do not change any more.
pub(super) struct Planned<N> {
    network: N,
    plans: Frozen,
}

impl<N: Parts> Planned<N> {
    pub(super) fn new(network: N) -> Self {
        Self { network, plans: Frozen::new() }
    }
}

impl<N: Parts> KeypointModel for Planned<N> {
    fn forward(&self, images: &Tensor, _pass: Pass) -> Result<Tensor> {
        self.network.output(self.plans.run(images, |images| self.network.last_map(images))?)
    }

    fn first_filters(&self) -> Tensor {
        self.network.first_filters()
    }

    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>> {
        self.network.feature_maps(images)
    }

    fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Value> {
        self.network.onnx(graph, images)
    }
}

//! Direct regression of points: a trunk, pooling, one fully connected layer.

use super::planned::{Parts, Planned};
use super::trunk::{Kind, STRIDE, Trunk};
use super::{KeypointModel, Pass};
use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape, Linear};
use crate::limits::bounded;
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::{
    Size, Wrong,
    ops::{self, Activation},
    wrong::ensure,
};
use serde::{Deserialize, Serialize};

/// The way the last maps become a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Global average, as published.
    #[default]
    Average,
    /// No pooling: a 1×1 convolution to few channels, flattened, so that positions are kept.
    Flatten,
}

/// The sizes of a ResNet with direct regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resnet {
    /// Depth: 18, 34 or 50.
    pub depth: usize,
    /// Pooling before the last layer.
    #[serde(default)]
    pub pooling: Pooling,
}

impl Resnet {
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { trunk: Kind::Resnet(self.depth), pooling: self.pooling }
    }
}

/// The sizes of a MobileNetV2 with direct regression: the layers up to torchvision's `features.17`, and one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MobilenetV2 {
    /// Pooling before the last layer.
    #[serde(default)]
    pub pooling: Pooling,
}

impl MobilenetV2 {
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { trunk: Kind::MobilenetV2, pooling: self.pooling }
    }
}

/// Channels that [`Pooling::Flatten`] keeps: 1024 values from the 4×4 cells of a 128 px view.
const FLAT_CHANNELS: usize = 64;

/// The sizes of a regressor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub trunk: Kind,
    pub pooling: Pooling,
}

impl Sizes {
    /// Values that enter the last layer; `None` when out of range.
    fn flat(self, view: Size) -> Result<Option<usize>, Wrong> {
        let [.., channels] = self.trunk.map_channels()?;
        Ok(match self.pooling {
            Pooling::Average => Some(channels),
            Pooling::Flatten => {
                let cells = view.width.div_ceil(STRIDE).checked_mul(view.height.div_ceil(STRIDE));
                cells.and_then(|n| n.checked_mul(FLAT_CHANNELS))
            }
        })
    }

    /// Whether such a network can be built for views of `view`, giving `outputs` values.
    ///
    /// # Errors
    /// The key of the task that does not fit.
    pub(crate) fn validate(self, view: Size, outputs: usize) -> Result<(), Wrong> {
        self.trunk.map_channels()?;
        for (at, side) in [("view.width", view.width), ("view.height", view.height)] {
            let expected = format_args!("{STRIDE} or more for a {}", self.trunk.title());
            ensure(at, side, expected, |&side| side >= STRIDE)?;
        }
        let flat = self.flat(view)?.ok_or_else(|| too_large(view))?;
        bounded("model", "weights of the last layer", &[&[flat, outputs]])
    }
}

fn too_large(view: Size) -> Wrong {
    Wrong::new("view", "a smaller one", format_args!("{}x{}", view.width, view.height))
}

/// Trunk, pooling, `fc`.
#[derive(Clone)]
pub(crate) struct Regressor {
    trunk: Trunk,
    /// `reduce.0` and `reduce.1`, in front of a flattened vector.
    reduce: Option<ConvNorm>,
    fc: Linear,
}

impl Regressor {
    /// `channels` and `view` are the input's; `outputs` values come out.
    pub(crate) fn new(scope: &Scope, sizes: Sizes, channels: usize, view: Size, outputs: usize) -> Result<Self> {
        let trunk = Trunk::new(scope, sizes.trunk, channels)?;
        let [.., inputs] = sizes.trunk.map_channels()?;
        let reduce = scope.pp("reduce");
        let shape = ConvShape { inputs, outputs: FLAT_CHANNELS, kernel: 1, stride: 1 };
        let reduce = (sizes.pooling == Pooling::Flatten)
            .then(|| ConvNorm::new(&reduce.pp("0"), &reduce.pp("1"), shape, 1.0))
            .transpose()?;
        let flat = sizes.flat(view)?.ok_or_else(|| too_large(view))?;
        Ok(Self { trunk, reduce, fc: Linear::last(&scope.pp("fc"), flat, outputs)? })
    }

    /// The last map of the trunk, with few channels where it is flattened.
    fn map(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        let last = self.trunk.forward(images, train, &mut |_, _| ())?;
        match &self.reduce {
            None => Ok(last),
            Some(conv) => conv.forward(&last, None, Activation::Relu, train),
        }
    }
}

impl KeypointModel for Regressor {
    fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        self.output(self.map(images, pass.trains())?)
    }

    fn first_filters(&self) -> Tensor {
        self.trunk.filters()
    }

    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let (names, mut maps) = (self.trunk.map_names(), Vec::new());
        let mut keep = |i: usize, map: &Tensor| maps.push((names[i].to_string(), map.detach()));
        ops::no_grad(|| self.trunk.forward(images, false, &mut keep))?;
        Ok(maps)
    }

    fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Value> {
        let last = self.trunk.onnx(graph, images)?.pop().unwrap_or_else(|| images.clone());
        let map = match &self.reduce {
            None => graph.op("GlobalAveragePool", &[&last]),
            Some(conv) => conv.onnx(graph, &last, None, Activation::Relu)?,
        };
        let vector = graph.along("Flatten", &[&map], 1);
        self.fc.onnx(graph, &vector, Activation::None)
    }

    fn for_inference(&self) -> Result<Option<Box<dyn KeypointModel>>> {
        let reduce = self.reduce.as_ref().map(ConvNorm::folded).transpose()?;
        Ok(Some(Box::new(Planned::new(Self { trunk: self.trunk.folded()?, reduce, fc: self.fc.snapshot()? }))))
    }
}

impl Parts for Regressor {
    fn last_map(&self, images: &Tensor) -> Result<Tensor> {
        self.map(images, false)
    }

    fn output(&self, map: Tensor) -> Result<Tensor> {
        let vector = if self.reduce.is_none() { ops::avg_pool_global(&map)? } else { map.flatten_from(1)? };
        self.fc.forward(&vector, Activation::None)
    }
}

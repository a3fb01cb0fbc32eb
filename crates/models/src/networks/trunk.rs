//! The trunks: which there are, what they give, and the names that they have in other networks.

use super::{mobilenet, resnet};
use crate::error::Result;
use crate::onnx::{Graph, Value};
use crate::params::{Params, Scope};
use candle_core::Tensor;
use candle_vision_helpers::Wrong;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The names of a trunk begin with this in networks that hold more than a trunk and a last layer.
pub(crate) const PREFIX: &str = "trunk";

/// A view pixel's share of a last cell: every trunk halves the sides five times.
pub(crate) const STRIDE: usize = 32;

/// A family of trunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// He et al. 2015, in three depths.
    #[default]
    Resnet,
    /// Sandler et al. 2018, at width 1.
    MobilenetV2,
}

impl Family {
    /// Whether it is what a recipe need not name.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a depth.
    Resnet(usize),
    MobilenetV2,
}

impl Kind {
    /// # Errors
    /// When a ResNet has no depth.
    pub(crate) fn of(family: Family, depth: Option<usize>) -> Result<Self, Wrong> {
        match (family, depth) {
            (Family::Resnet, Some(depth)) => Ok(Self::Resnet(depth)),
            (Family::Resnet, None) => Err(Wrong::new("model.depth", resnet::trunk::DEPTHS, "none")),
            // a recipe cannot take back the depth of the one that it is laid over
            (Family::MobilenetV2, _) => Ok(Self::MobilenetV2),
        }
    }

    /// Its name for people.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Resnet(depth) => format!("ResNet-{depth}"),
            Self::MobilenetV2 => "MobileNetV2".to_owned(),
        }
    }

    /// Channels of the five maps that [`Trunk::forward`] shows.
    ///
    /// # Errors
    /// An unknown depth.
    pub(crate) fn map_channels(self) -> Result<[usize; 5], Wrong> {
        match self {
            Self::Resnet(depth) => resnet::trunk::map_channels(depth),
            Self::MobilenetV2 => Ok(mobilenet::MAP_CHANNELS),
        }
    }
}

/// The layers before a network's own.
#[derive(Clone)]
pub(crate) enum Trunk {
    Resnet(resnet::trunk::Trunk),
    MobilenetV2(mobilenet::Trunk),
}

impl Trunk {
    /// `channels`: of the pictures, 1 or 3.
    pub(crate) fn new(scope: &Scope, kind: Kind, channels: usize) -> Result<Self> {
        Ok(match kind {
            Kind::Resnet(depth) => Self::Resnet(resnet::trunk::Trunk::new(scope, depth, channels)?),
            Kind::MobilenetV2 => Self::MobilenetV2(mobilenet::Trunk::new(scope, channels)?),
        })
    }

    /// `(B, C, H, W)` → the last map. `see` is shown five maps, of 2, 4, 8, 16 and 32 view pixels per cell (sides
    /// rounded up), the last one too, each when it is there: one that it does not keep goes when no layer reads it any
    /// more.
    pub(crate) fn forward(&self, images: &Tensor, train: bool, see: &mut dyn FnMut(usize, &Tensor)) -> Result<Tensor> {
        match self {
            Self::Resnet(t) => t.forward(images, train, see),
            Self::MobilenetV2(t) => t.forward(images, train, see),
        }
    }

    /// Adds the trunk to a graph of ONNX operators: the maps of [`Trunk::forward`].
    pub(crate) fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Vec<Value>> {
        match self {
            Self::Resnet(t) => t.onnx(graph, images),
            Self::MobilenetV2(t) => t.onnx(graph, images),
        }
    }

    /// The names of [`Trunk::forward`]'s maps.
    pub(crate) fn map_names(&self) -> [&'static str; 5] {
        match self {
            Self::Resnet(_) => resnet::trunk::MAP_NAMES,
            Self::MobilenetV2(_) => mobilenet::MAP_NAMES,
        }
    }

    /// The first convolution's filters `(O, C, KH, KW)`.
    pub(crate) fn filters(&self) -> Tensor {
        match self {
            Self::Resnet(t) => t.filters(),
            Self::MobilenetV2(t) => t.filters(),
        }
    }

    pub(crate) fn folded(&self) -> Result<Self> {
        Ok(match self {
            Self::Resnet(t) => Self::Resnet(t.folded()?),
            Self::MobilenetV2(t) => Self::MobilenetV2(t.folded()?),
        })
    }
}

fn inner(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.strip_prefix('.')
}

/// Whether a tensor of this name, the prefix taken off, is part of a trunk.
fn is_trunk(name: &str) -> bool {
    let starts = resnet::trunk::NAMES.iter().chain(&mobilenet::NAMES);
    name.split('.').next().is_some_and(|first| starts.into_iter().any(|s| *s == first))
}

/// The same tensors, the trunk's names changed to those that `params` uses ([`PREFIX`] put before or taken off).
pub(crate) fn match_names(params: &Params, tensors: &HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let known: HashSet<String> = params.all().into_iter().map(|(n, _)| n).collect();
    let prefixed = known.iter().any(|n| inner(n).is_some());
    let rename = |name: &String| match (inner(name), prefixed) {
        _ if known.contains(name) => name.clone(),
        (Some(inner), false) => inner.to_string(),
        (None, true) if is_trunk(name) => format!("{PREFIX}.{name}"),
        _ => name.clone(),
    };
    tensors.iter().map(|(n, t)| (rename(n), t.clone())).collect()
}

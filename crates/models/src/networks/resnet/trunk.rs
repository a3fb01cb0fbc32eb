//! The trunk of a ResNet: everything before the pooling, with torchvision's parameter names; and the names that
//! it has in other networks.

use super::block::{Block, Kind};
use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape, check_input};
use crate::params::{Params, Scope};
use candle_core::Tensor;
use candle_vision_helpers::{Wrong, ops};
use std::collections::HashMap;

/// The names of a trunk begin with this in networks that hold more than a trunk and a last layer.
pub(crate) const PREFIX: &str = "trunk";

const PLANES: [usize; 4] = [64, 128, 256, 512];

/// Inner channels of the first stage, and of the stem's convolution.
pub(crate) const STEM_CHANNELS: usize = 64;

/// A view pixel's share of a last cell: the stem and three stages halve the sides, the stem's pooling too.
pub(crate) const STRIDE: usize = 32;

/// Kind of block and blocks per stage.
fn layout(depth: usize) -> Result<(Kind, [usize; 4]), Wrong> {
    match depth {
        18 => Ok((Kind::Basic, [2, 2, 2, 2])),
        34 => Ok((Kind::Basic, [3, 4, 6, 3])),
        50 => Ok((Kind::Bottleneck, [3, 4, 6, 3])),
        _ => Err(Wrong::new("model.depth", "18, 34 or 50", depth)),
    }
}

/// Output channels of the five maps that [`Trunk::forward`] returns, or an error for an unknown depth.
pub(crate) fn map_channels(depth: usize) -> Result<[usize; 5], Wrong> {
    let (kind, _) = layout(depth)?;
    let [a, b, c, d] = PLANES.map(|p| kind.outputs(p));
    Ok([STEM_CHANNELS, a, b, c, d])
}

/// `conv1`, `bn1`, `layer1` … `layer4`.
#[derive(Clone)]
pub(crate) struct Trunk {
    stem: ConvNorm,
    stages: Vec<Vec<Block>>,
    channels: usize,
}

impl Trunk {
    /// `channels`: of the pictures, 1 or 3.
    pub(crate) fn new(scope: &Scope, depth: usize, channels: usize) -> Result<Self> {
        let outputs = map_channels(depth)?;
        let (kind, blocks) = layout(depth)?;
        let stem = ConvShape { inputs: channels, outputs: STEM_CHANNELS, kernel: 7, stride: 2 };
        let stem = ConvNorm::new(&scope.pp("conv1"), &scope.pp("bn1"), stem, 1.0)?;
        let mut stages = Vec::new();
        for (stage, (&blocks, &planes)) in blocks.iter().zip(&PLANES).enumerate() {
            let scope = scope.pp(format!("layer{}", stage + 1));
            let make = |i: usize| {
                // The first block takes the last stage's channels; from the second stage on it halves the sides.
                let inputs = if i == 0 { outputs[stage] } else { outputs[stage + 1] };
                Block::new(&scope.pp(i), kind, inputs, planes, if i == 0 && stage > 0 { 2 } else { 1 })
            };
            stages.push((0..blocks).map(make).collect::<Result<_>>()?);
        }
        Ok(Self { stem, stages, channels })
    }

    /// `(B, C, H, W)` → five maps of 2, 4, 8, 16 and 32 view pixels per cell (sides rounded up): the stem's and each
    /// stage's.
    pub(crate) fn forward(&self, images: &Tensor, train: bool) -> Result<Vec<Tensor>> {
        check_input(images, self.channels, None)?;
        let stem = self.stem.forward(images, None, true, train)?;
        let mut x = ops::max_pool2d(&stem, 3, 2, 1)?;
        let mut maps = vec![stem];
        for stage in &self.stages {
            for block in stage {
                x = block.forward(&x, train)?;
            }
            maps.push(x.clone());
        }
        Ok(maps)
    }

    /// The stem's filters `(64, C, 7, 7)`.
    pub(crate) fn filters(&self) -> Tensor {
        self.stem.filters()
    }

    pub(crate) fn folded(&self) -> Result<Self> {
        let fold = |stage: &Vec<Block>| stage.iter().map(Block::folded).collect::<Result<_>>();
        let stages = self.stages.iter().map(fold).collect::<Result<_>>()?;
        Ok(Self { stem: self.stem.folded()?, stages, channels: self.channels })
    }
}

/// The names of [`Trunk::forward`]'s maps.
pub(crate) fn map_names() -> [&'static str; 5] {
    ["stem", "layer1", "layer2", "layer3", "layer4"]
}

fn is_trunk(name: &str) -> bool {
    let inner = name.strip_prefix(PREFIX).and_then(|n| n.strip_prefix('.')).unwrap_or(name);
    ["conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."].iter().any(|p| inner.starts_with(p))
}

/// The same tensors, the trunk's names changed to those that `params` uses (`trunk.` put before or taken off).
pub(crate) fn match_names(params: &Params, tensors: &HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let known: std::collections::HashSet<String> = params.all().into_iter().map(|(n, _)| n).collect();
    let prefixed = known.iter().any(|n| n.starts_with(PREFIX));
    let rename = |name: &String| {
        let inner = name.strip_prefix(PREFIX).and_then(|n| n.strip_prefix('.'));
        match (inner, prefixed) {
            _ if known.contains(name) => name.clone(),
            (Some(inner), false) => inner.to_string(),
            (None, true) if is_trunk(name) => format!("{PREFIX}.{name}"),
            _ => name.clone(),
        }
    };
    tensors.iter().map(|(n, t)| (rename(n), t.clone())).collect()
}

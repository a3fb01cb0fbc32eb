//! The trunk of a ResNet: everything before the pooling, with torchvision's parameter names.

use super::block::{Block, Kind};
use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape, check_input};
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::{
    Wrong,
    ops::{self, Activation},
};

const PLANES: [usize; 4] = [64, 128, 256, 512];

/// Inner channels of the first stage, and of the stem's convolution.
pub(crate) const STEM_CHANNELS: usize = 64;

/// The depths that there are, for errors.
pub(crate) const DEPTHS: &str = "18, 34 or 50";

/// The first parts of the names of its tensors.
pub(crate) const NAMES: [&str; 6] = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"];

pub(crate) const MAP_NAMES: [&str; 5] = ["stem", "layer1", "layer2", "layer3", "layer4"];

/// Kind of block and blocks per stage.
fn layout(depth: usize) -> Result<(Kind, [usize; 4]), Wrong> {
    match depth {
        18 => Ok((Kind::Basic, [2, 2, 2, 2])),
        34 => Ok((Kind::Basic, [3, 4, 6, 3])),
        50 => Ok((Kind::Bottleneck, [3, 4, 6, 3])),
        _ => Err(Wrong::new("model.depth", DEPTHS, depth)),
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

    /// `(B, C, H, W)` → the last map. `see` is shown the stem's and each stage's map when it is there: five, of 2, 4,
    /// 8, 16 and 32 view pixels per cell (sides rounded up).
    pub(crate) fn forward(&self, images: &Tensor, train: bool, see: &mut dyn FnMut(usize, &Tensor)) -> Result<Tensor> {
        check_input(images, self.channels, None)?;
        let mut x = self.stem.forward(images, None, Activation::Relu, train)?;
        see(0, &x);
        x = ops::max_pool2d(&x, 3, 2, 1)?;
        for (i, stage) in self.stages.iter().enumerate() {
            for block in stage {
                x = block.forward(&x, train)?;
            }
            see(i + 1, &x);
        }
        Ok(x)
    }

    /// Adds the trunk to a graph of ONNX operators: the maps of [`Trunk::forward`].
    pub(crate) fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Vec<Value>> {
        let stem = self.stem.onnx(graph, images, None, Activation::Relu)?;
        let mut x = graph.max_pool(&stem, 3, 2, 1);
        let mut maps = vec![stem];
        for stage in &self.stages {
            for block in stage {
                x = block.onnx(graph, &x)?;
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

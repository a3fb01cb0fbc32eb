//! MobileNetV2 (Sandler et al. 2018; torchvision's layout and parameter names) at width 1, for training.

use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape, check_input};
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::ops::Activation;

/// Expansion, output channels, blocks and the first block's stride of each stage: table 2 of the paper.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const STEM_CHANNELS: usize = 32;

/// The blocks whose maps are given, the last of each size; their channels and names.
const GIVEN: [usize; 5] = [1, 3, 6, 13, 17];
pub(crate) const MAP_CHANNELS: [usize; 5] = [16, 24, 32, 96, 320];
pub(crate) const MAP_NAMES: [&str; 5] = ["features.1", "features.3", "features.6", "features.13", "features.17"];

/// The first parts of the names of its tensors.
pub(crate) const NAMES: [&str; 1] = ["features"];

/// `x? + project(relu6(depthwise(relu6(expand(x)))))`.
#[derive(Clone)]
struct Block {
    /// All but the last are followed by ReLU6.
    convs: Vec<ConvNorm>,
    shortcut: bool,
}

impl Block {
    fn new(scope: &Scope, inputs: usize, outputs: usize, expansion: usize, stride: usize) -> Result<Self> {
        let (scope, inner) = (scope.pp("conv"), inputs * expansion);
        let shape = |inputs, outputs| ConvShape { inputs, outputs, kernel: 1, stride: 1 };
        let mut convs = Vec::new();
        if expansion != 1 {
            let at = scope.pp(0);
            convs.push(ConvNorm::new(&at.pp(0), &at.pp(1), shape(inputs, inner), 1.0)?);
        }
        let at = scope.pp(convs.len());
        convs.push(ConvNorm::depthwise(&at.pp(0), &at.pp(1), inner, stride)?);
        let last = convs.len();
        convs.push(ConvNorm::new(&scope.pp(last), &scope.pp(last + 1), shape(inner, outputs), 1.0)?);
        Ok(Self { convs, shortcut: stride == 1 && inputs == outputs })
    }

    /// `(B, C, H, W)` → `(B, outputs, ⌈H/stride⌉, ⌈W/stride⌉)`.
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut y = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            let activation = if last { Activation::None } else { Activation::Relu6 };
            y = conv.forward(&y, (last && self.shortcut).then_some(x), activation, train)?;
        }
        Ok(y)
    }

    fn onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let mut y = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            let activation = if last { Activation::None } else { Activation::Relu6 };
            y = conv.onnx(graph, &y, (last && self.shortcut).then_some(x), activation)?;
        }
        Ok(y)
    }

    fn folded(&self) -> Result<Self> {
        let convs = self.convs.iter().map(ConvNorm::folded).collect::<Result<_>>()?;
        Ok(Self { convs, shortcut: self.shortcut })
    }
}

/// `features.0` … `features.17`.
#[derive(Clone)]
pub(crate) struct Trunk {
    stem: ConvNorm,
    blocks: Vec<Block>,
    channels: usize,
}

impl Trunk {
    /// `channels`: of the pictures, 1 or 3.
    pub(crate) fn new(scope: &Scope, channels: usize) -> Result<Self> {
        let features = scope.pp("features");
        let shape = ConvShape { inputs: channels, outputs: STEM_CHANNELS, kernel: 3, stride: 2 };
        let stem = ConvNorm::new(&features.pp(0).pp(0), &features.pp(0).pp(1), shape, 1.0)?;
        let (mut blocks, mut inputs) = (Vec::new(), STEM_CHANNELS);
        for [expansion, outputs, count, stride] in STAGES {
            for i in 0..count {
                let scope = features.pp(blocks.len() + 1);
                blocks.push(Block::new(&scope, inputs, outputs, expansion, if i == 0 { stride } else { 1 })?);
                inputs = outputs;
            }
        }
        Ok(Self { stem, blocks, channels })
    }

    /// `(B, C, H, W)` → the last map. `see` is shown the maps of the blocks in [`GIVEN`] when they are there: five, of
    /// 2, 4, 8, 16 and 32 view pixels per cell (sides rounded up).
    pub(crate) fn forward(&self, images: &Tensor, train: bool, see: &mut dyn FnMut(usize, &Tensor)) -> Result<Tensor> {
        check_input(images, self.channels, None)?;
        let mut x = self.stem.forward(images, None, Activation::Relu6, train)?;
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, train)?;
            if let Some(given) = GIVEN.iter().position(|given| *given == i + 1) {
                see(given, &x);
            }
        }
        Ok(x)
    }

    /// Adds the trunk to a graph of ONNX operators: the maps of [`Trunk::forward`].
    pub(crate) fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Vec<Value>> {
        let mut x = self.stem.onnx(graph, images, None, Activation::Relu6)?;
        let mut maps = Vec::with_capacity(GIVEN.len());
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.onnx(graph, &x)?;
            if GIVEN.contains(&(i + 1)) {
                maps.push(x.clone());
            }
        }
        Ok(maps)
    }

    /// The stem's filters `(32, C, 3, 3)`.
    pub(crate) fn filters(&self) -> Tensor {
        self.stem.filters()
    }

    pub(crate) fn folded(&self) -> Result<Self> {
        let blocks = self.blocks.iter().map(Block::folded).collect::<Result<_>>()?;
        Ok(Self { stem: self.stem.folded()?, blocks, channels: self.channels })
    }
}

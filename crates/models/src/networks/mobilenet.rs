//! MobileNetV2 (Sandler et al. 2018; torchvision's layout and parameter names) at width 1, with direct regression.

use super::{KeypointModel, Pass};
use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape, Linear, check_input};
use crate::limits::bounded;
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::{Size, Wrong, ops, wrong::ensure};
use serde::{Deserialize, Serialize};

/// Expansion, output channels, blocks and the first block's stride of each stage: table 2 of the paper.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const STEM_CHANNELS: usize = 32;
const CHANNELS: usize = 320;
const STRIDE: usize = 32;
/// The blocks whose maps are shown: the last of each size.
const SHOWN: [usize; 5] = [1, 3, 6, 13, 17];

/// The sizes of a MobileNetV2: the layers up to torchvision's `features.17`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Config {
    /// Whether such a network can be built for views of `view`, giving `outputs` values.
    ///
    /// # Errors
    /// The key of the task that does not fit.
    pub(crate) fn validate(&self, view: Size, outputs: usize) -> Result<(), Wrong> {
        for (at, side) in [("view.width", view.width), ("view.height", view.height)] {
            let expected = format_args!("{STRIDE} or more for a MobileNetV2");
            ensure(at, side, expected, |&side| side >= STRIDE)?;
        }
        bounded("model", "weights of the last layer", &[&[CHANNELS, outputs]])
    }
}

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

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut y = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            y = conv.forward(&y, (last && self.shortcut).then_some(x), false, train)?;
            if !last {
                y = ops::relu6(&y)?;
            }
        }
        Ok(y)
    }

    fn folded(&self) -> Result<Self> {
        let convs = self.convs.iter().map(ConvNorm::folded).collect::<Result<_>>()?;
        Ok(Self { convs, shortcut: self.shortcut })
    }
}

/// `features.0` … `features.17`, global average, `classifier.1`.
#[derive(Clone)]
pub(crate) struct MobileNetV2 {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: Linear,
    channels: usize,
}

impl MobileNetV2 {
    /// `channels`: of the pictures, 1 or 3; `outputs` values come out.
    pub(crate) fn new(scope: &Scope, channels: usize, outputs: usize) -> Result<Self> {
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
        let last = Linear::last(&scope.pp("classifier").pp(1), inputs, outputs)?;
        Ok(Self { stem, blocks, last, channels })
    }

    /// The maps of the blocks in [`SHOWN`]: 2, 4, 8, 16 and 32 view pixels per cell.
    fn maps(&self, images: &Tensor, train: bool) -> Result<Vec<(String, Tensor)>> {
        check_input(images, self.channels, None)?;
        let mut x = ops::relu6(&self.stem.forward(images, None, false, train)?)?;
        let mut maps = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, train)?;
            if SHOWN.contains(&(i + 1)) {
                maps.push((format!("features.{}", i + 1), x.clone()));
            }
        }
        Ok(maps)
    }
}

impl KeypointModel for MobileNetV2 {
    fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        let maps = self.maps(images, pass.trains())?;
        let last = maps.last().map_or(images, |(_, m)| m);
        self.last.forward(&ops::avg_pool_global(last)?, false)
    }

    fn first_filters(&self) -> Tensor {
        self.stem.filters()
    }

    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>> {
        Ok(ops::no_grad(|| self.maps(images, false))?.into_iter().map(|(n, m)| (n, m.detach())).collect())
    }

    fn for_inference(&self) -> Result<Option<Box<dyn KeypointModel>>> {
        let blocks = self.blocks.iter().map(Block::folded).collect::<Result<_>>()?;
        let (stem, last) = (self.stem.folded()?, self.last.snapshot()?);
        Ok(Some(Box::new(Self { stem, blocks, last, channels: self.channels })))
    }
}

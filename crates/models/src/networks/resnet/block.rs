//! One residual block: two 3×3 convolutions, or 1×1, 3×3, 1×1 (the bottleneck), around a shortcut.

use crate::error::Result;
use crate::layers::{ConvNorm, ConvShape};
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::ops::Activation;

/// How a block is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// ResNet-18 and 34.
    Basic,
    /// ResNet-50; the stride is on the 3×3 convolution (v1.5, as torchvision's).
    Bottleneck,
}

impl Kind {
    /// Output channels for `planes` inner channels.
    pub(super) fn outputs(self, planes: usize) -> usize {
        match self {
            Self::Basic => planes,
            Self::Bottleneck => 4 * planes,
        }
    }
}

/// `relu(convs(x) + shortcut(x))`.
#[derive(Clone)]
pub(super) struct Block {
    convs: Vec<ConvNorm>,
    downsample: Option<ConvNorm>,
}

impl Block {
    pub(super) fn new(scope: &Scope, kind: Kind, inputs: usize, planes: usize, stride: usize) -> Result<Self> {
        let outputs = kind.outputs(planes);
        let shape = |inputs, outputs, kernel, stride| ConvShape { inputs, outputs, kernel, stride };
        let layout = match kind {
            Kind::Basic => vec![shape(inputs, planes, 3, stride), shape(planes, planes, 3, 1)],
            Kind::Bottleneck => {
                vec![shape(inputs, planes, 1, 1), shape(planes, planes, 3, stride), shape(planes, outputs, 1, 1)]
            }
        };
        let make = |(i, &s): (usize, &ConvShape)| {
            ConvNorm::new(&scope.pp(format!("conv{}", i + 1)), &scope.pp(format!("bn{}", i + 1)), s, 1.0)
        };
        let convs = layout.iter().enumerate().map(make).collect::<Result<_>>()?;
        let down = scope.pp("downsample");
        let downsample = (stride != 1 || inputs != outputs)
            .then(|| ConvNorm::new(&down.pp("0"), &down.pp("1"), shape(inputs, outputs, 1, stride), 1.0))
            .transpose()?;
        Ok(Self { convs, downsample })
    }

    /// `(B, C, H, W)` → `(B, outputs, ⌈H/stride⌉, ⌈W/stride⌉)`.
    pub(crate) fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let shortcut = match &self.downsample {
            Some(conv) => conv.forward(x, None, Activation::None, train)?,
            None => x.clone(),
        };
        let last = self.convs.len() - 1;
        let mut y = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            y = conv.forward(&y, (i == last).then_some(&shortcut), Activation::Relu, train)?;
        }
        Ok(y)
    }

    pub(super) fn onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let shortcut = match &self.downsample {
            Some(conv) => conv.onnx(graph, x, None, Activation::None)?,
            None => x.clone(),
        };
        let last = self.convs.len() - 1;
        let mut y = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            y = conv.onnx(graph, &y, (i == last).then_some(&shortcut), Activation::Relu)?;
        }
        Ok(y)
    }

    pub(super) fn folded(&self) -> Result<Self> {
        let convs = self.convs.iter().map(ConvNorm::folded).collect::<Result<_>>()?;
        Ok(Self { convs, downsample: self.downsample.as_ref().map(ConvNorm::folded).transpose()? })
    }
}

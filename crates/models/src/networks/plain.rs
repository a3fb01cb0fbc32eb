//! A plain network: convolutions with ReLU and max-pool 2, then two fully connected layers.

use super::planned::{Parts, Planned};
use super::{KeypointModel, Pass};
use crate::error::{Error, Result};
use crate::init::Init;
use crate::layers::{Conv, ConvShape, Linear, check_input};
use crate::limits::{MAX_CHANNELS, MAX_HIDDEN, MAX_KERNEL, MAX_STAGES, bounded, within};
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::{
    Size, Wrong,
    ops::{self, Activation},
    wrong::ensure,
};
use serde::{Deserialize, Serialize};

/// The sizes of a plain network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Output channels of each convolution ("same" padding, ReLU, max-pool 2).
    pub channels: Vec<usize>,
    /// Odd kernel sides, one for each convolution.
    pub kernels: Vec<usize>,
    /// Width of the hidden fully connected layer.
    pub hidden: usize,
}

impl Config {
    /// Values that enter the first fully connected layer; `None` when a pooling has nothing left or the number is out
    /// of range.
    pub(crate) fn flat(&self, view: Size) -> Option<usize> {
        let halved = |side: usize| side.checked_shr(u32::try_from(self.channels.len()).ok()?).filter(|&s| s > 0);
        halved(view.width)?.checked_mul(halved(view.height)?)?.checked_mul(*self.channels.last()?)
    }

    /// Whether such a network can be built for views of `view` with `channels` channels, giving `outputs` values.
    ///
    /// # Errors
    /// The key of the task that does not fit.
    pub(crate) fn validate(&self, channels: usize, view: Size, outputs: usize) -> Result<(), Wrong> {
        const CHANNELS: &str = "model.channels";
        const KERNELS: &str = "model.kernels";
        let stages = self.channels.len();
        ensure(CHANNELS, stages, format_args!("1 to {MAX_STAGES} convolutions"), |n| (1..=MAX_STAGES).contains(n))?;
        ensure(KERNELS, self.kernels.len(), format_args!("{stages}, as many as channels"), |&n| n == stages)?;
        within("model.hidden", self.hidden, 1..=MAX_HIDDEN)?;
        let mut inputs = channels;
        for (i, (&outputs, &kernel)) in self.channels.iter().zip(&self.kernels).enumerate() {
            within(CHANNELS, outputs, 1..=MAX_CHANNELS)?;
            within(KERNELS, kernel, 1..=MAX_KERNEL)?;
            ensure(KERNELS, kernel, "odd numbers (\"same\" padding)", |k| k % 2 == 1)?;
            bounded(CHANNELS, "weights of a convolution", &[&[inputs, outputs, kernel, kernel]])?;
            bounded(CHANNELS, "values in a picture's maps", &[&[outputs, view.width >> i, view.height >> i]])?;
            inputs = outputs;
        }
        let flat = self.flat(view).ok_or_else(|| self.too_small(view))?;
        bounded("model.hidden", "weights", &[&[flat, self.hidden], &[self.hidden, outputs]])
    }

    fn too_small(&self, view: Size) -> Wrong {
        let stages = self.channels.len();
        let expected = format!("2^{stages} pixels or more a side for {stages} poolings");
        Wrong::new("view", expected, format_args!("{}x{}", view.width, view.height))
    }
}

/// `conv1..convN`, `fc1`, `fc2`.
pub(crate) struct Plain {
    convs: Vec<Conv>,
    hidden: Linear,
    last: Linear,
    filters: Tensor,
    channels: usize,
    view: Size,
}

impl Plain {
    /// `channels` and `view` are the input's; `outputs` values come out.
    pub(crate) fn new(scope: &Scope, sizes: &Config, channels: usize, view: Size, outputs: usize) -> Result<Self> {
        let flat = sizes.flat(view).ok_or_else(|| sizes.too_small(view))?;
        let mut convs = Vec::new();
        let mut inputs = channels;
        for (i, (&outputs, &kernel)) in sizes.channels.iter().zip(&sizes.kernels).enumerate() {
            let shape = ConvShape { inputs, outputs, kernel, stride: 1 };
            convs.push(Conv::new(&scope.pp(format!("conv{}", i + 1)), shape, Init::KaimingNormalFanIn, Some(0.0))?);
            inputs = outputs;
        }
        let hidden = Linear::new(&scope.pp("fc1"), flat, sizes.hidden, Init::KaimingNormalFanIn)?;
        let last = Linear::last(&scope.pp("fc2"), sizes.hidden, outputs)?;
        let filters = convs.first().map(Conv::filters);
        let filters = filters.ok_or_else(|| Error::config("model.channels", "one convolution or more", "none"))?;
        Ok(Self { convs, hidden, last, filters, channels, view })
    }

    /// The map after the last pooling; `see` is shown that after each. In training the ReLU comes behind the pooling,
    /// which gives the same values and gradients bit for bit, and no map of before it is kept for the way back.
    fn maps(&self, images: &Tensor, train: bool, see: &mut dyn FnMut(usize, &Tensor)) -> Result<Tensor> {
        check_input(images, self.channels, Some((self.view.height, self.view.width)))?;
        let mut x = images.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            x = match train {
                true => ops::relu(&ops::max_pool2d(&conv.forward(&x, Activation::None)?, 2, 2, 0)?)?,
                false => ops::max_pool2d(&conv.forward(&x, Activation::Relu)?, 2, 2, 0)?,
            };
            see(i, &x);
        }
        Ok(x)
    }
}

impl KeypointModel for Plain {
    fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        self.output(self.maps(images, pass.trains(), &mut |_, _| ())?)
    }

    fn first_filters(&self) -> Tensor {
        self.filters.clone()
    }

    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let mut maps = Vec::new();
        let mut keep = |i: usize, map: &Tensor| maps.push((format!("conv{}", i + 1), map.detach()));
        ops::no_grad(|| self.maps(images, false, &mut keep))?;
        Ok(maps)
    }

    fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Value> {
        let mut x = images.clone();
        for conv in &self.convs {
            let y = conv.onnx(graph, &x, None, Activation::Relu)?;
            x = graph.max_pool(&y, 2, 2, 0);
        }
        let flat = graph.along("Flatten", &[&x], 1);
        let hidden = self.hidden.onnx(graph, &flat, Activation::Relu)?;
        self.last.onnx(graph, &hidden, Activation::None)
    }

    /// The same layers without gradients, so that nothing is kept for a backward pass.
    fn for_inference(&self) -> Result<Option<Box<dyn KeypointModel>>> {
        let convs = self.convs.iter().map(Conv::snapshot).collect::<Result<_>>()?;
        let (hidden, last, filters) = (self.hidden.snapshot()?, self.last.snapshot()?, self.filters.copy()?);
        Ok(Some(Box::new(Planned::new(Self { convs, hidden, last, filters, ..*self }))))
    }
}

impl Parts for Plain {
    fn last_map(&self, images: &Tensor) -> Result<Tensor> {
        self.maps(images, false, &mut |_, _| ())
    }

    fn output(&self, map: Tensor) -> Result<Tensor> {
        let hidden = self.hidden.forward(&map.flatten_from(1)?, Activation::Relu)?;
        self.last.forward(&hidden, Activation::None)
    }
}

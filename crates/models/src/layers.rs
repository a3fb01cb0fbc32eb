//! The layers of the networks: convolution, batch normalization behind a convolution, linear; their weights live in
//! [`crate::Params`].

use crate::error::{Error, Result};
use crate::init::Init;
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::{Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Running, Statistics};

/// PyTorch's defaults.
const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// A convolution with "same" padding for odd kernels (at stride 1).
#[derive(Clone)]
pub(crate) struct Conv {
    weight: Tensor,
    bias: Option<Tensor>,
    geometry: ConvParams,
    /// Of the input at twice its size (nearest): 3×3 kernels at stride 1 only.
    doubling: bool,
    /// Each channel by itself: 3×3 kernels only.
    depthwise: bool,
}

/// The sizes of a convolution.
#[derive(Clone, Copy)]
pub(crate) struct ConvShape {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl Conv {
    /// `bias`: its start, or no bias.
    pub(crate) fn new(scope: &Scope, shape: ConvShape, init: Init, bias: Option<f64>) -> Result<Self> {
        let ConvShape { inputs, outputs, kernel, stride } = shape;
        Ok(Self {
            weight: scope.param("weight", &[outputs, inputs, kernel, kernel], init)?,
            bias: bias.map(|b| scope.param("bias", &[outputs], Init::Constant(b))).transpose()?,
            geometry: ConvParams { stride, padding: kernel / 2, ..ConvParams::default() },
            doubling: false,
            depthwise: false,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.then(x, None, activation)
    }

    /// `activation(conv(x) + residual?)`.
    fn then(&self, x: &Tensor, residual: Option<&Tensor>, activation: Activation) -> Result<Tensor> {
        let epilogue = Epilogue { bias: self.bias.as_ref(), residual, activation };
        if self.depthwise {
            return Ok(ops::depthwise_conv3(x, &self.weight, self.bias.as_ref(), self.geometry.stride, activation)?);
        }
        if self.doubling {
            return Ok(ops::upsample_nearest2_conv3(x, &self.weight, epilogue)?);
        }
        Ok(ops::conv2d(x, &self.weight, self.geometry, epilogue)?)
    }

    /// Adds `activation(conv(x) + residual?)` to a graph of ONNX operators.
    pub(crate) fn onnx(
        &self,
        graph: &mut Graph,
        x: &Value,
        residual: Option<&Value>,
        activation: Activation,
    ) -> Result<Value> {
        let doubled = self.doubling.then(|| graph.doubled(x));
        let groups = if self.depthwise { self.weight.dim(0)? } else { self.geometry.groups };
        let geometry = ConvParams { groups, ..self.geometry };
        let y = graph.conv(doubled.as_ref().unwrap_or(x), &self.weight, self.bias.as_ref(), geometry)?;
        let y = residual.map(|r| graph.op("Add", &[&y, r])).unwrap_or(y);
        Ok(graph.activation(y, activation))
    }

    /// The filters `(O, C, KH, KW)`, without gradient.
    pub(crate) fn filters(&self) -> Tensor {
        self.weight.detach()
    }

    /// A copy that no gradient reaches and no training step changes.
    pub(crate) fn snapshot(&self) -> Result<Self> {
        let bias = self.bias.as_ref().map(|b| b.detach().copy()).transpose()?;
        Ok(Self { weight: self.weight.detach().copy()?, bias, ..self.clone() })
    }
}

/// Batch normalization over `(B, H, W)` of each channel.
#[derive(Clone)]
struct BatchNorm {
    gamma: Tensor,
    beta: Tensor,
    running_mean: Var,
    running_var: Var,
}

impl BatchNorm {
    fn new(scope: &Scope, channels: usize, gamma: f64) -> Result<Self> {
        Ok(Self {
            gamma: scope.param("weight", &[channels], Init::Constant(gamma))?,
            beta: scope.param("bias", &[channels], Init::Constant(0.0))?,
            running_mean: scope.buffer("running_mean", &[channels], 0.0)?,
            running_var: scope.buffer("running_var", &[channels], 1.0)?,
        })
    }

    fn numbers(&self) -> ops::BatchNorm<'_> {
        ops::BatchNorm { gamma: &self.gamma, beta: &self.beta, eps: EPS }
    }

    fn forward(&self, x: &Tensor, residual: Option<&Tensor>, activation: Activation, train: bool) -> Result<Tensor> {
        let (norm, epilogue) = (self.numbers(), Epilogue { bias: None, residual, activation });
        if !train {
            let (mean, var) = (self.running_mean.as_detached_tensor(), self.running_var.as_detached_tensor());
            return Ok(ops::batch_norm_eval(x, &norm, &Statistics { mean: &mean, var: &var }, epilogue)?);
        }
        let (b, _, h, w) = x.dims4()?;
        if b * h * w < 2 {
            let expected = "more than one value per channel in training (take a larger batch or view)";
            return Err(Error::config("batch normalization", expected, format_args!("{:?}", x.dims())));
        }
        let running = Running { mean: &self.running_mean, var: &self.running_var, momentum: MOMENTUM };
        Ok(ops::batch_norm_train_running(x, &norm, &running, epilogue)?)
    }
}

/// A convolution, batch normalization, then perhaps a residual and ReLU; folded, the normalization is part of the
/// convolution.
#[derive(Clone)]
pub(crate) struct ConvNorm {
    conv: Conv,
    norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// Without bias, as the normalization has one; torchvision's initialization.
    pub(crate) fn new(conv: &Scope, norm: &Scope, shape: ConvShape, gamma: f64) -> Result<Self> {
        let norm = Some(BatchNorm::new(norm, shape.outputs, gamma)?);
        Ok(Self { conv: Conv::new(conv, shape, Init::KaimingNormalFanOut, None)?, norm })
    }

    /// A 3×3 convolution of each of `channels` by itself, batch normalization; it takes no residual.
    pub(crate) fn depthwise(conv: &Scope, norm: &Scope, channels: usize, stride: usize) -> Result<Self> {
        let shape = ConvShape { inputs: 1, outputs: channels, kernel: 3, stride };
        let mut made = Self::new(conv, norm, shape, 1.0)?;
        made.conv.depthwise = true;
        Ok(made)
    }

    /// The same of the input at twice its size (nearest), for a 3×3 convolution at stride 1.
    pub(crate) fn doubling(mut self) -> Self {
        self.conv.doubling = true;
        self
    }

    /// `activation(norm(conv(x)) + residual?)`.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
        train: bool,
    ) -> Result<Tensor> {
        match &self.norm {
            Some(norm) => norm.forward(&self.conv.forward(x, Activation::None)?, residual, activation, train),
            None => self.conv.then(x, residual, activation),
        }
    }

    /// The filters `(O, C, KH, KW)`, without gradient.
    pub(crate) fn filters(&self) -> Tensor {
        self.conv.filters()
    }

    /// Adds `activation(norm(conv(x)) + residual?)` to a graph of ONNX operators, folded.
    pub(crate) fn onnx(
        &self,
        graph: &mut Graph,
        x: &Value,
        residual: Option<&Value>,
        activation: Activation,
    ) -> Result<Value> {
        self.folded()?.conv.onnx(graph, x, residual, activation)
    }

    /// A copy for prediction, its running statistics and scale put into the convolution.
    pub(crate) fn folded(&self) -> Result<Self> {
        let Some(n) = &self.norm else { return Ok(Self { conv: self.conv.snapshot()?, norm: None }) };
        let (mean, var) = (n.running_mean.as_detached_tensor(), n.running_var.as_detached_tensor());
        let bias = self.conv.bias.as_ref().map(Tensor::detach);
        let running = Statistics { mean: &mean, var: &var };
        let (weight, bias) = ops::fold_batch_norm(&self.conv.weight.detach(), bias.as_ref(), &n.numbers(), &running)?;
        let conv = Conv { weight: weight.detach(), bias: Some(bias.detach()), ..self.conv.clone() };
        Ok(Self { conv, norm: None })
    }
}

/// A fully connected layer with bias.
#[derive(Clone)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// The bias starts at 0.
    pub(crate) fn new(scope: &Scope, inputs: usize, outputs: usize, init: Init) -> Result<Self> {
        let weight = scope.param("weight", &[outputs, inputs], init)?;
        Ok(Self { weight, bias: scope.param("bias", &[outputs], Init::Constant(0.0))? })
    }

    /// The last layer of a regression network: a tenth of PyTorch's default range, so that training starts near the
    /// bias (the mean shape).
    pub(crate) fn last(scope: &Scope, inputs: usize, outputs: usize) -> Result<Self> {
        Self::new(scope, inputs, outputs, Init::Bounded(0.1 / (inputs.max(1) as f64).sqrt()))
    }

    /// `(B, inputs)` → `(B, outputs)`.
    pub(crate) fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        Ok(ops::linear(x, &self.weight, Epilogue { bias: Some(&self.bias), residual: None, activation })?)
    }

    /// Adds the layer to a graph of ONNX operators.
    pub(crate) fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let y = graph.linear(x, &self.weight, &self.bias)?;
        Ok(graph.activation(y, activation))
    }

    /// A copy that no gradient reaches and no training step changes.
    pub(crate) fn snapshot(&self) -> Result<Self> {
        Ok(Self { weight: self.weight.detach().copy()?, bias: self.bias.detach().copy()? })
    }
}

/// Checks that `images` is `(B, channels, height, width)`, a size of `None` being free.
pub(crate) fn check_input(images: &Tensor, channels: usize, size: Option<(usize, usize)>) -> Result<()> {
    let fits = match *images.dims() {
        [b, c, h, w] => b > 0 && c == channels && size.is_none_or(|s| s == (h, w)),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let sides = size.map_or("H, W".to_string(), |(h, w)| format!("{h}, {w}"));
    let expected = format_args!("(B, {channels}, {sides})");
    Err(Error::config("network input", expected, format_args!("{:?}", images.dims())))
}

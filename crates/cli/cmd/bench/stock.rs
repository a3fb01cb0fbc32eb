//! The same networks on candle's own layers, for comparison only.
//!
//! Two departures, since stock candle cannot train the networks as they are: its `max_pool2d` (whose gradient is wrong
//! but costs what a right one would) stands for every pooling, and halves ResNet's stem with a 2×2 window instead of a
//! padded 3×3.

use super::{Subject, milliseconds};
use anyhow::{Result, bail};
use candle_core::{DType, Device, ModuleT, Tensor};
use candle_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, batch_norm,
    conv2d, conv2d_no_bias, linear,
};
use candle_vision_helpers::Size;
use facekp_models::{ModelConfig, Task, networks::plain};
use std::time::Instant;

pub(super) struct Net {
    layers: Vec<Layer>,
    optimizer: AdamW,
    parameters: usize,
}

#[allow(clippy::large_enum_variant)] // a few dozen of them
enum Layer {
    Conv(Conv2d),
    Norm(BatchNorm),
    Relu,
    Pool,
    Up,
    Block(Bottleneck),
    MeanPool,
    Flatten,
    Linear(Linear),
}

struct Bottleneck {
    convs: [(Conv2d, BatchNorm); 3],
    shortcut: Option<(Conv2d, BatchNorm)>,
}

impl Net {
    pub(super) fn new(task: &Task, device: &Device) -> Result<Self> {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, device);
        let outputs = task.codec()?.output_shape()[0];
        let layers = match &task.model {
            ModelConfig::Plain(c) => plain(c, task.view.size(), outputs, &vb)?,
            ModelConfig::Resnet(c) if c.depth == 50 => {
                let mut layers = trunk(&vb)?;
                layers.extend([Layer::MeanPool, Layer::Linear(linear(2048, outputs, vb.pp("fc"))?)]);
                layers
            }
            ModelConfig::HeatmapNet(c) if c.depth == Some(50) => heatmap(&c.up, outputs, &vb)?,
            other => bail!("stock operations: expected a trunk of ResNet-50, got {}", other.title()),
        };
        let trainable: Vec<_> = {
            let data = vars.data().lock().map_err(|_| anyhow::anyhow!("the variables are locked"))?;
            data.iter().filter(|(n, _)| !n.contains("running_")).map(|(_, v)| v.clone()).collect()
        };
        let parameters = trainable.iter().map(|v| v.elem_count()).sum();
        let optimizer = AdamW::new(trainable, ParamsAdamW { lr: 1e-4, ..ParamsAdamW::default() })?;
        Ok(Self { layers, optimizer, parameters })
    }

    fn forward(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x, train))
    }
}

impl Subject for Net {
    fn step(&mut self, x: &Tensor, y: &Tensor, device: &Device) -> Result<f64> {
        let start = Instant::now();
        let out = self.forward(x, true)?;
        device.synchronize()?;
        let forward = milliseconds(start);
        self.optimizer.backward_step(&candle_nn::loss::mse(&out, y)?)?;
        Ok(forward)
    }

    fn infer(&mut self, x: &Tensor) -> Result<Tensor> {
        Ok(self.forward(x, false)?)
    }

    fn parameters(&self) -> usize {
        self.parameters
    }
}

impl Layer {
    fn forward(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        match self {
            Self::Conv(c) => c.forward(x),
            Self::Norm(n) => n.forward_t(x, train),
            Self::Relu => x.relu(),
            Self::Pool => x.max_pool2d(2),
            Self::Up => {
                let (_, _, h, w) = x.dims4()?;
                x.upsample_nearest2d(2 * h, 2 * w)
            }
            Self::Block(b) => b.forward(x, train),
            Self::MeanPool => x.mean((2, 3)),
            Self::Flatten => x.flatten_from(1),
            Self::Linear(l) => l.forward(x),
        }
    }
}

impl Bottleneck {
    fn forward(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let step = |x: &Tensor, (c, n): &(Conv2d, BatchNorm)| n.forward_t(&c.forward(x)?, train);
        let y = step(x, &self.convs[0])?.relu()?;
        let y = step(&y, &self.convs[1])?.relu()?;
        let y = step(&y, &self.convs[2])?;
        let shortcut = match &self.shortcut {
            Some(s) => step(x, s)?,
            None => x.clone(),
        };
        (y + shortcut)?.relu()
    }
}

/// A convolution of `stride` with `padding`, all else as usual.
fn geometry(padding: usize, stride: usize) -> Conv2dConfig {
    Conv2dConfig { padding, stride, ..Conv2dConfig::default() }
}

fn plain(config: &plain::Config, view: Size, outputs: usize, vb: &VarBuilder) -> Result<Vec<Layer>> {
    let (mut layers, mut c) = (Vec::new(), 1);
    for (i, (&out, &k)) in config.channels.iter().zip(&config.kernels).enumerate() {
        let conv = conv2d(c, out, k, geometry(k / 2, 1), vb.pp(format!("conv{i}")))?;
        layers.extend([Layer::Conv(conv), Layer::Relu, Layer::Pool]);
        c = out;
    }
    let poolings = config.channels.len();
    let flat = c * (view.width >> poolings) * (view.height >> poolings);
    layers.extend([Layer::Flatten, Layer::Linear(linear(flat, config.hidden, vb.pp("fc1"))?), Layer::Relu]);
    layers.push(Layer::Linear(linear(config.hidden, outputs, vb.pp("fc2"))?));
    Ok(layers)
}

fn conv_norm(c: usize, out: usize, k: usize, stride: usize, vb: &VarBuilder) -> Result<(Conv2d, BatchNorm)> {
    Ok((conv2d_no_bias(c, out, k, geometry(k / 2, stride), vb.pp("conv"))?, batch_norm(out, 1e-5, vb.pp("bn"))?))
}

fn trunk(vb: &VarBuilder) -> Result<Vec<Layer>> {
    let (conv, norm) = conv_norm(3, 64, 7, 2, &vb.pp("stem"))?;
    let mut layers = vec![Layer::Conv(conv), Layer::Norm(norm), Layer::Relu, Layer::Pool];
    let mut c = 64;
    for (stage, (width, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].into_iter().enumerate() {
        for block in 0..blocks {
            let vb = vb.pp(format!("layer{stage}.{block}"));
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let convs = [
                conv_norm(c, width, 1, 1, &vb.pp("1"))?,
                conv_norm(width, width, 3, stride, &vb.pp("2"))?,
                conv_norm(width, 4 * width, 1, 1, &vb.pp("3"))?,
            ];
            let shortcut = (block == 0).then(|| conv_norm(c, 4 * width, 1, stride, &vb.pp("down"))).transpose()?;
            layers.push(Layer::Block(Bottleneck { convs, shortcut }));
            c = 4 * width;
        }
    }
    Ok(layers)
}

fn heatmap(up: &[usize], maps: usize, vb: &VarBuilder) -> Result<Vec<Layer>> {
    let (mut layers, mut c) = (trunk(vb)?, 2048);
    for (i, &out) in up.iter().enumerate() {
        let (conv, norm) = conv_norm(c, out, 3, 1, &vb.pp(format!("up{i}")))?;
        layers.extend([Layer::Up, Layer::Conv(conv), Layer::Norm(norm), Layer::Relu]);
        c = out;
    }
    layers.push(Layer::Conv(conv2d(c, maps, 1, geometry(0, 1), vb.pp("maps"))?));
    Ok(layers)
}

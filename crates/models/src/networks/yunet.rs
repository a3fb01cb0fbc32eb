//! YuNet-s, a network of 53 thousand weights that finds faces (Wu, Peng and Yu: YuNet: a tiny millisecond-level face
//! detector, 2023), for prediction only: normalization is part of its weights.
//!
//! Nearly all of it is pairs of a 1×1 convolution and a depthwise 3×3 one. Names of weights are those of
//! libfacedetection.train.

use crate::error::{Error, Result};
use crate::onnx::{Graph, Value};
use candle_core::{DType, Device, Tensor};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Frozen};
use std::collections::HashMap;

/// Picture pixels from one place of an output map to the next.
pub const STRIDES: [usize; 3] = [8, 16, 32];
/// What the sides of a picture have to be multiples of.
pub const MULTIPLE: usize = 32;
/// Numbers at each place of an output map: logits of "a face" and of "an object", center and logarithms of the sides of
/// its box, five points; all but the logits in units of the map's stride, positions from the place itself.
pub const OUTPUTS: usize = 16;

const STEM: ConvParams = ConvParams { stride: 2, padding: 1, dilation: 1, groups: 1 };

/// The network.
#[derive(Debug)]
pub struct YuNet {
    plans: Frozen,
    stem: Layer,
    first: Pair,
    units: [Unit; 5],
    /// At stride 8, 16 and 32.
    neck: [Pair; 3],
    heads: [Pair; 3],
}

impl YuNet {
    /// Takes its weights, all of them and no others, from `tensors`.
    ///
    /// # Errors
    /// [`Error::Config`] that names a tensor which is missing, misshaped or left over.
    pub fn new(tensors: &HashMap<String, Tensor>, device: &Device) -> Result<Self> {
        let from = &mut Source { tensors, device, used: 0 };
        let unit = |from: &mut Source<'_>, i: usize, inputs: usize, outputs: usize| -> Result<Unit> {
            let pair = |from: &mut Source<'_>, k: usize, outputs: usize| {
                from.pair(&format!("backbone.model{i}_dp{k}"), inputs, outputs)
            };
            Ok([pair(from, 1, inputs)?, pair(from, 2, outputs)?])
        };
        let net = Self {
            plans: Frozen::of_any_size(),
            stem: from.layer("backbone.model0_pw", &[16, 3, 3, 3])?,
            first: from.pair("backbone.model0_dp", 16, 16)?,
            units: [
                unit(from, 1, 16, 32)?,
                unit(from, 2, 32, 64)?,
                unit(from, 3, 64, 64)?,
                unit(from, 4, 64, 64)?,
                unit(from, 5, 64, 64)?,
            ],
            neck: [from.neck(0)?, from.neck(1)?, from.neck(2)?],
            heads: [from.head(0)?, from.head(1)?, from.head(2)?],
        };
        if from.used != tensors.len() {
            return Err(Error::config("face finder", format_args!("{} tensors", from.used), tensors.len()));
        }
        // plans for photos of any size are derived from what is done with this one
        net.forward(&Tensor::zeros((1, 3, MULTIPLE, MULTIPLE), DType::F32, device)?)?;
        Ok(net)
    }

    /// The maps `(B, 16, H / s, W / s)` at [`STRIDES`] (see [`OUTPUTS`]) of pictures `(B, 3, H, W)`: blue, green, red
    /// in `0..=255`; sides are multiples of [`MULTIPLE`].
    ///
    /// # Errors
    /// Another shape.
    pub fn forward(&self, images: &Tensor) -> Result<[Tensor; 3]> {
        match *images.dims() {
            [b, 3, h, w] if b * h * w > 0 && h.is_multiple_of(MULTIPLE) && w.is_multiple_of(MULTIPLE) => {}
            _ => {
                let expected = format_args!("(B, 3, H, W) with sides divisible by {MULTIPLE}").to_string();
                return Err(Error::config("face finder", expected, format_args!("{:?}", images.dims())));
            }
        }
        self.plans.run_all(images, |images| self.maps(images))
    }

    /// Adds the network to a graph of ONNX operators: the maps of [`YuNet::forward`], of the same pictures.
    ///
    /// # Errors
    /// When a weight cannot be read back.
    pub(crate) fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<[Value; 3]> {
        let [u1, u2, u3, u4, u5] = &self.units;
        let x = graph.conv(images, &self.stem.weight, Some(&self.stem.bias), STEM)?;
        let x = graph.activation(x, Activation::Relu);
        let x = self.first.onnx(graph, &x, Activation::Relu)?;
        let mut x = graph.max_pool(&x, 2, 2, 0);
        for unit in [u1, u2] {
            x = added(unit, graph, &x)?;
        }
        let x = graph.max_pool(&x, 2, 2, 0);
        let at8 = added(u3, graph, &x)?;
        let x = graph.max_pool(&at8, 2, 2, 0);
        let at16 = added(u4, graph, &x)?;
        let x = graph.max_pool(&at16, 2, 2, 0);
        let at32 = added(u5, graph, &x)?;
        let [n8, n16, n32] = &self.neck;
        let at32 = n32.onnx(graph, &at32, Activation::Relu)?;
        let mut joined = |pair: &Pair, map: &Value, coarser: &Value| {
            let coarser = graph.doubled(coarser);
            let sum = graph.op("Add", &[&coarser, map]);
            pair.onnx(graph, &sum, Activation::Relu)
        };
        let at16 = joined(n16, &at16, &at32)?;
        let at8 = joined(n8, &at8, &at16)?;
        let [h8, h16, h32] = &self.heads;
        Ok([
            h8.onnx(graph, &at8, Activation::None)?,
            h16.onnx(graph, &at16, Activation::None)?,
            h32.onnx(graph, &at32, Activation::None)?,
        ])
    }

    /// The first layers, to a quarter of the size.
    fn start(&self, images: &Tensor) -> Result<Tensor> {
        let epilogue = Epilogue { bias: Some(&self.stem.bias), ..Epilogue::RELU };
        let x = ops::conv2d(images, &self.stem.weight, STEM, epilogue)?;
        halved(&self.first.forward(&x, Activation::Relu)?)
    }

    fn maps(&self, images: &Tensor) -> Result<[Tensor; 3]> {
        let [u1, u2, u3, u4, u5] = &self.units;
        let at4 = self.start(images)?;
        let at8 = through(u3, &halved(&through(u2, &through(u1, &at4)?)?)?)?;
        let at16 = through(u4, &halved(&at8)?)?;
        let at32 = through(u5, &halved(&at16)?)?;
        let [n8, n16, n32] = &self.neck;
        let at32 = n32.forward(&at32, Activation::Relu)?;
        let at16 = n16.forward(&ops::upsample_nearest2_add(&at32, &at16)?, Activation::Relu)?;
        let at8 = n8.forward(&ops::upsample_nearest2_add(&at16, &at8)?, Activation::Relu)?;
        let [h8, h16, h32] = &self.heads;
        Ok([
            h8.forward(&at8, Activation::None)?,
            h16.forward(&at16, Activation::None)?,
            h32.forward(&at32, Activation::None)?,
        ])
    }
}

/// Two pairs one after the other.
type Unit = [Pair; 2];

fn through([a, b]: &Unit, x: &Tensor) -> Result<Tensor> {
    b.forward(&a.forward(x, Activation::Relu)?, Activation::Relu)
}

fn added([a, b]: &Unit, graph: &mut Graph, x: &Value) -> Result<Value> {
    let x = a.onnx(graph, x, Activation::Relu)?;
    b.onnx(graph, &x, Activation::Relu)
}

fn halved(x: &Tensor) -> Result<Tensor> {
    Ok(ops::max_pool2d(x, 2, 2, 0)?)
}

/// Weights and bias of a convolution.
#[derive(Clone, Debug)]
struct Layer {
    weight: Tensor,
    bias: Tensor,
}

/// A 1×1 convolution and a depthwise 3×3 one.
#[derive(Clone, Debug)]
struct Pair {
    thin: Layer,
    deep: Layer,
}

impl Pair {
    fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let epilogue = Epilogue { bias: Some(&self.thin.bias), ..Epilogue::NONE };
        let y = ops::conv2d(x, &self.thin.weight, ConvParams::default(), epilogue)?;
        Ok(ops::depthwise_conv3(&y, &self.deep.weight, Some(&self.deep.bias), 1, activation)?)
    }

    fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let y = graph.conv(x, &self.thin.weight, Some(&self.thin.bias), ConvParams::default())?;
        let deep = ConvParams { padding: 1, groups: self.deep.weight.dim(0)?, ..ConvParams::default() };
        let y = graph.conv(&y, &self.deep.weight, Some(&self.deep.bias), deep)?;
        Ok(graph.activation(y, activation))
    }
}

/// The tensors of a file, and how many of them were asked for.
struct Source<'a> {
    tensors: &'a HashMap<String, Tensor>,
    device: &'a Device,
    used: usize,
}

impl Source<'_> {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.tensors.get(name);
        match found {
            Some(t) if t.dims() == shape => {
                self.used += 1;
                Ok(t.detach().to_device(self.device)?)
            }
            _ => {
                let got = found.map_or("none".into(), |t| format!("{:?}", t.dims()));
                Err(Error::config("face finder", format_args!("{name} of shape {shape:?}"), got))
            }
        }
    }

    fn layer(&mut self, name: &str, shape: &[usize]) -> Result<Layer> {
        let weight = self.tensor(&format!("{name}.weight"), shape)?;
        Ok(Layer { weight, bias: self.tensor(&format!("{name}.bias"), &shape[..1])? })
    }

    fn pair(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Pair> {
        let thin = self.layer(&format!("{name}_pw"), &[outputs, inputs, 1, 1])?;
        Ok(Pair { thin, deep: self.layer(&format!("{name}_dw"), &[outputs, 1, 3, 3])? })
    }

    fn neck(&mut self, level: usize) -> Result<Pair> {
        self.pair(&format!("neck.lateral_convs.{level}"), 64, 64)
    }

    /// The four heads of a level as one pair: they read the same map.
    fn head(&mut self, level: usize) -> Result<Pair> {
        let (mut thin, mut deep) = (Vec::new(), Vec::new());
        for (name, outputs) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
            let pair = self.pair(&format!("bbox_head.multi_level_{name}.{level}"), 64, outputs)?;
            thin.push(pair.thin);
            deep.push(pair.deep);
        }
        Ok(Pair { thin: joined(&thin)?, deep: joined(&deep)? })
    }
}

/// One layer whose outputs are those of all, in order.
fn joined(layers: &[Layer]) -> Result<Layer> {
    let all = |pick: fn(&Layer) -> &Tensor| Tensor::cat(&layers.iter().map(pick).collect::<Vec<_>>(), 0);
    Ok(Layer { weight: all(|l| &l.weight)?, bias: all(|l| &l.bias)? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{FinderFile, locate};

    /// A picture of stripes, spots and noise, `0..=255`.
    fn picture(h: usize, w: usize) -> Tensor {
        let value = |i: usize| {
            let (c, y, x) = (i / (h * w), i / w % h, i % w);
            let wave = (x as f32 * 0.07 + c as f32).sin() * (y as f32 * 0.05).cos();
            (127.0 + 90.0 * wave + ((i * 7919 + i / 31 * 104_729) % 37) as f32).round()
        };
        Tensor::from_vec((0..3 * h * w).map(value).collect(), (1, 3, h, w), &Device::Cpu).unwrap()
    }

    /// The largest value apart from `b`'s, as a part of `b`'s largest value.
    fn off(a: &Tensor, b: &Tensor) -> f32 {
        let most = |t: &Tensor| t.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        most(&(a - b).unwrap()) / most(b)
    }

    #[test]
    fn photos_of_many_sizes_are_seen_as_by_the_networks_own_operations() {
        let net =
            YuNet::new(&FinderFile::read(&locate("face_finder").unwrap()).unwrap().tensors, &Device::Cpu).unwrap();
        // small ones, one whose first maps are large, one higher than wide
        for (h, w) in [(32, 32), (64, 64), (64, 224), (352, 416), (480, 320)] {
            let images = picture(h, w);
            let (planned, plain) = (net.forward(&images).unwrap(), ops::no_grad(|| net.maps(&images)).unwrap());
            for ((planned, plain), stride) in planned.iter().zip(&plain).zip(STRIDES) {
                assert_eq!(planned.dims(), [1, OUTPUTS, h / stride, w / stride]);
                let off = off(planned, plain);
                assert!(off < 1e-4, "{h} x {w}, stride {stride}: off by {off}");
            }
        }
    }
}

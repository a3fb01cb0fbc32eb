//! A trunk, ×2 stages (nearest, 3×3 convolution, batch norm, ReLU), 1×1 convolution to one map per point.

use super::planned::{Parts, Planned};
use super::trunk::{self, Family, Kind, Trunk};
use super::{KeypointModel, Pass};
use crate::error::{Error, Result};
use crate::init::Init;
use crate::layers::{Conv, ConvNorm, ConvShape};
use crate::limits::{MAX_CHANNELS, bounded, within};
use crate::onnx::{Graph, Value};
use crate::params::Scope;
use candle_core::Tensor;
use candle_vision_helpers::{
    Size, Wrong,
    ops::{self, Activation},
    wrong::ensure,
};
use serde::{Deserialize, Serialize};

/// The sizes of a heatmap network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The trunk's family.
    #[serde(default, skip_serializing_if = "Family::is_default")]
    pub trunk: Family,
    /// Depth of a ResNet trunk: 18, 34 or 50; other trunks have one depth and do not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Channels of each ×2 stage, such as `[256, 256, 256]`.
    pub up: Vec<usize>,
    /// Adds the trunk's maps of the same size before each ×2 stage's ReLU (U-Net-like), through 1×1 convolutions.
    #[serde(default)]
    pub skips: bool,
}

impl Config {
    /// The trunk.
    pub(crate) fn trunk(&self) -> Result<Kind, Wrong> {
        Kind::of(self.trunk, self.depth)
    }

    /// View pixels per cell of the output; `None` for more stages than the trunk halves.
    pub(crate) fn stride(&self) -> Option<usize> {
        let stride = trunk::STRIDE.checked_shr(u32::try_from(self.up.len()).ok()?)?;
        (stride > 0).then_some(stride)
    }

    /// The trunk's map that each ×2 stage is given, as its index in the five maps and its channels; `None` at full
    /// size.
    pub(crate) fn lateral(&self) -> Result<Vec<Option<(usize, usize)>>, Wrong> {
        let channels = self.trunk()?.map_channels()?;
        let map_of = |stage: usize| {
            let map = (channels.len() - 1).checked_sub(stage + 1)?;
            Some((map, channels[map]))
        };
        Ok((0..self.up.len()).map(|i| if self.skips { map_of(i) } else { None }).collect())
    }

    /// Whether such a network can be built for views of `view` and maps of `stride` view pixels per cell.
    ///
    /// # Errors
    /// The key of the task that does not fit.
    pub(crate) fn validate(&self, view: Size, stride: usize) -> Result<(), Wrong> {
        let [.., mut inputs] = self.trunk()?.map_channels()?;
        let all = trunk::STRIDE;
        if !(view.width.is_multiple_of(all) && view.height.is_multiple_of(all)) {
            let expected = format!("sides divisible by {all} for a heatmap_net");
            return Err(Wrong::new("view", expected, format_args!("{}x{}", view.width, view.height)));
        }
        let stages = self.up.len();
        let own = self.stride().ok_or_else(|| Wrong::new("model.up", "at most 5 stages", stages))?;
        ensure("codec.stride", stride, format_args!("{own} for {stages} x2 stages"), |&s| s == own)?;
        for (i, &outputs) in self.up.iter().enumerate() {
            within("model.up", outputs, 1..=MAX_CHANNELS)?;
            bounded("model.up", "weights", &[&[inputs, outputs, 9]])?;
            let shrink = all >> (i + 1);
            let values = [inputs.max(outputs), view.width / shrink, view.height / shrink];
            bounded("model.up", "values in a picture's maps", &[&values])?;
            inputs = outputs;
        }
        Ok(())
    }
}

/// `relu(norm(conv(upsample(x))) + skip(trunk's map))`.
#[derive(Clone)]
struct Up {
    conv: ConvNorm,
    /// Index of the trunk's map and the convolution that fits its channels.
    skip: Option<(usize, Conv)>,
}

impl Up {
    /// Takes the trunk's map that it reads.
    fn forward(&self, x: &Tensor, maps: &mut [Option<Tensor>], train: bool) -> Result<Tensor> {
        let lateral = match &self.skip {
            Some((i, conv)) => {
                let map = maps.get_mut(*i).and_then(Option::take);
                map.map(|m| conv.forward(&m, Activation::None)).transpose()?
            }
            None => None,
        };
        self.conv.forward(x, lateral.as_ref(), Activation::Relu, train)
    }

    fn onnx(&self, graph: &mut Graph, x: &Value, maps: &[Value]) -> Result<Value> {
        let lateral = match &self.skip {
            Some((i, conv)) => maps.get(*i).map(|m| conv.onnx(graph, m, None, Activation::None)).transpose()?,
            None => None,
        };
        self.conv.onnx(graph, x, lateral.as_ref(), Activation::Relu)
    }
}

/// `trunk`, `up.0` …, `head`.
#[derive(Clone)]
pub(crate) struct HeatmapNet {
    trunk: Trunk,
    up: Vec<Up>,
    head: Conv,
}

impl HeatmapNet {
    /// `channels` are the input's; `maps` come out, their bias starting at `bias` (the logit of an empty map, for
    /// instance).
    pub(crate) fn new(scope: &Scope, config: &Config, channels: usize, maps: usize, bias: f64) -> Result<Self> {
        let trunk = Trunk::new(&scope.pp(trunk::PREFIX), config.trunk()?, channels)?;
        let [.., mut inputs] = config.trunk()?.map_channels()?;
        let mut up = Vec::new();
        for (i, (&outputs, lateral)) in config.up.iter().zip(config.lateral()?).enumerate() {
            let scope = scope.pp("up").pp(i);
            let shape = ConvShape { inputs, outputs, kernel: 3, stride: 1 };
            let conv = ConvNorm::new(&scope.pp("conv"), &scope.pp("bn"), shape, 1.0)?.doubling();
            let skip = |(map, inputs)| {
                let shape = ConvShape { inputs, outputs, kernel: 1, stride: 1 };
                Conv::new(&scope.pp("skip"), shape, Init::Uniform, Some(0.0)).map(|c| (map, c))
            };
            up.push(Up { conv, skip: lateral.map(skip).transpose()? });
            inputs = outputs;
        }
        // Small, so that training starts at flat maps.
        let shape = ConvShape { inputs, outputs: maps, kernel: 1, stride: 1 };
        let head = Conv::new(&scope.pp("head"), shape, Init::Normal(0.001), Some(bias))?;
        Ok(Self { trunk, up, head })
    }

    /// The output. `see` is shown the maps of every stage, and last the output.
    fn maps(&self, images: &Tensor, train: bool, see: &mut dyn FnMut(String, &Tensor)) -> Result<Tensor> {
        if images.dims().iter().skip(2).any(|side| !side.is_multiple_of(trunk::STRIDE)) {
            let stride = trunk::STRIDE;
            let got = format_args!("{:?}", images.dims());
            return Err(Error::config("network input", format_args!("sides divisible by {stride}"), got));
        }
        let names = self.trunk.map_names();
        let mut read = [const { None }; 5];
        let mut x = self.trunk.forward(images, train, &mut |i, map| {
            if self.up.iter().any(|up| up.skip.as_ref().is_some_and(|(read, _)| *read == i)) {
                read[i] = Some(map.clone());
            }
            see(names[i].to_string(), map);
        })?;
        for (i, up) in self.up.iter().enumerate() {
            x = up.forward(&x, &mut read, train)?;
            see(format!("up{}", i + 1), &x);
        }
        let maps = self.head.forward(&x, Activation::None)?;
        see("maps".to_string(), &maps);
        Ok(maps)
    }
}

impl KeypointModel for HeatmapNet {
    fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        self.maps(images, pass.trains(), &mut |_, _| ())
    }

    fn first_filters(&self) -> Tensor {
        self.trunk.filters()
    }

    fn feature_maps(&self, images: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let mut maps = Vec::new();
        ops::no_grad(|| self.maps(images, false, &mut |name, map| maps.push((name, map.detach()))))?;
        Ok(maps)
    }

    fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<Value> {
        let maps = self.trunk.onnx(graph, images)?;
        let mut x = maps.last().unwrap_or(images).clone();
        for up in &self.up {
            x = up.onnx(graph, &x, &maps)?;
        }
        self.head.onnx(graph, &x, None, Activation::None)
    }

    fn for_inference(&self) -> Result<Option<Box<dyn KeypointModel>>> {
        let fold = |up: &Up| -> Result<Up> {
            let skip = up.skip.as_ref().map(|(i, c)| Ok::<_, Error>((*i, c.snapshot()?))).transpose()?;
            Ok(Up { conv: up.conv.folded()?, skip })
        };
        let up = self.up.iter().map(fold).collect::<Result<_>>()?;
        Ok(Some(Box::new(Planned::new(Self { trunk: self.trunk.folded()?, up, head: self.head.snapshot()? }))))
    }
}

impl Parts for HeatmapNet {
    fn last_map(&self, images: &Tensor) -> Result<Tensor> {
        self.forward(images, Pass::Inference)
    }

    fn output(&self, map: Tensor) -> Result<Tensor> {
        Ok(map)
    }
}

//! Heatmaps: Gaussians on a grid coarser than the view.

mod graph;
mod reading;

use super::profile;
use super::{Codec, Reading, batch_of};
use crate::error::{Error, Result};
use crate::onnx::{Decoded, Graph, Value};
use candle_core::{DType, Device, Tensor};
use candle_vision_helpers::heatmap::Decode;
use candle_vision_helpers::{Point, Size, Wrong, ops, wrong::ensure};
use serde::{Deserialize, Serialize};

/// What the maps show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One map per point with a peak of 1; the network's output is read as it is (MSE, adaptive Wing) after a clamp at
    /// 0.
    Gaussian,
    /// One map per point; the network's output is logits of a sigmoid.
    Sigmoid,
    /// One map per point, the target sums to 1; the network's output is logits of a softmax over the map.
    Softmax,
    /// One map in all: the sum of the Gaussians, clamped to 1; logits of a sigmoid. It has no point order to decode.
    Summed,
}

/// Settings of a heatmap codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// View pixels per cell; divides the view's sides. Cell `i` is centered on view pixel `(i + 0.5) * stride - 0.5`.
    pub stride: usize,
    /// Standard deviation of the Gaussians, in cells.
    pub sigma: f64,
    /// What the maps show.
    pub target: Target,
    /// The way a position is read. Soft-argmax belongs to [`Target::Softmax`]: other maps keep a little everywhere,
    /// which pulls inwards.
    pub decode: Decode,
}

impl Config {
    /// Whether such maps can be made of views of `view` pixels.
    ///
    /// # Errors
    /// When the stride does not divide the view into 3 cells or more a side, or σ is no positive number.
    pub fn validate(&self, view: Size) -> Result<(), Wrong> {
        self.cells(view).map(|_| ())
    }

    /// Columns and rows of the maps.
    fn cells(&self, view: Size) -> Result<(usize, usize), Wrong> {
        let stride = self.stride;
        let cells = |side: usize| side.checked_div(stride).filter(|n| *n >= 3 && n * stride == side);
        let (Some(width), Some(height)) = (cells(view.width), cells(view.height)) else {
            let sides = format!("{}x{}", view.width, view.height);
            let expected = format!("a divisor of the view's sides that leaves 3 cells or more ({sides})");
            return Err(Wrong::new("stride", expected, stride));
        };
        let most = width.max(height) as f64;
        ensure("sigma", self.sigma, format_args!("0.1 to {most} cells"), |s| (0.1..=most).contains(s))?;
        Ok((width, height))
    }
}

/// The codec for some points in a view of a given size.
#[derive(Clone, Debug)]
pub struct HeatmapCodec {
    config: Config,
    points: usize,
    width: usize,
    height: usize,
}

impl HeatmapCodec {
    /// Makes a codec for `points` points in views of `view` pixels.
    ///
    /// # Errors
    /// As [`Config::validate`].
    pub fn new(config: &Config, points: usize, view: Size) -> Result<Self> {
        let (width, height) = config.cells(view).map_err(|w| w.below("codec"))?;
        Ok(Self { config: config.clone(), points, width, height })
    }

    /// Converts cells to view pixels.
    pub fn to_view(&self, cell: Point) -> Point {
        let s = self.config.stride as f64;
        Point::new((cell.x + 0.5) * s - 0.5, (cell.y + 0.5) * s - 0.5)
    }

    /// Converts view pixels to cells.
    pub fn to_cell(&self, view: Point) -> Point {
        let s = self.config.stride as f64;
        Point::new((view.x + 0.5) / s - 0.5, (view.y + 0.5) / s - 0.5)
    }

    /// The mean of the target over all cells, for a point inside: what an untrained network should show.
    pub(crate) fn prior(&self) -> f64 {
        let cells = (self.width * self.height) as f64;
        let many = if self.config.target == Target::Summed { self.points as f64 } else { 1.0 };
        (many * 2.0 * std::f64::consts::PI * self.config.sigma.powi(2) / cells).clamp(1e-4, 0.5)
    }

    /// The network's maps as values of each cell `(B, K, h, w)`: in about `0..=1`, or for softmax its share of
    /// the map.
    fn readable(&self, output: &Tensor) -> Result<Tensor> {
        batch_of("heatmap output", output, &self.output_shape())?;
        Ok(match self.config.target {
            Target::Gaussian => ops::relu(output)?,
            Target::Sigmoid | Target::Summed => candle_nn::ops::sigmoid(output)?,
            Target::Softmax => ops::log_softmax_maps(output)?.exp()?,
        })
    }

    /// What `read` says of each map of an output, the maps of the first sample first. A sync point.
    fn each_map<T>(&self, output: &Tensor, read: impl Fn(&[f32]) -> T) -> Result<Vec<T>> {
        self.has_order()?;
        let maps = self.readable(&output.detach().to_dtype(DType::F32)?)?;
        let cells: Vec<f32> = maps.flatten_all()?.to_vec1()?;
        Ok(cells.chunks_exact(self.width * self.height).map(read).collect())
    }

    /// Positions in cells and confidences of each map as tensors: points `(B, K, 2)` in view pixels, and `(B, K)`.
    fn located(&self, read: &[(Point, f64)], device: &Device) -> Result<(Tensor, Option<Tensor>)> {
        let at = read.iter().map(|(at, _)| self.to_view(*at));
        let points: Vec<f32> = at.flat_map(|at| [at.x as f32, at.y as f32]).collect();
        let confidence: Vec<f32> = read.iter().map(|(_, sure)| *sure as f32).collect();
        let points = Tensor::from_vec(points, ((), self.points, 2), device)?;
        Ok((points, Some(Tensor::from_vec(confidence, ((), self.points), device)?)))
    }

    fn has_order(&self) -> Result<()> {
        match self.config.target {
            Target::Summed => Err(Error::config(
                "codec.target",
                "one map per point to read points from",
                "\"summed\", one map for all (its peaks have no order)",
            )),
            _ => Ok(()),
        }
    }

    /// One factor a column `(B·K, w)` and one a row `(B·K, h)` of each point's target, row-major.
    fn profiles(&self, points: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
        let sigma = self.config.sigma;
        let along = |n: usize, center: f64| match self.config.target {
            Target::Softmax => profile::distribution(n, center, sigma, self.config.decode == Decode::SoftArgmax),
            _ => profile::gaussian(n, center, sigma),
        };
        let (mut columns, mut rows) = (Vec::new(), Vec::new());
        for xy in points.chunks_exact(2) {
            let at = Point::new(f64::from(xy[0]), f64::from(xy[1]));
            if !at.is_finite() {
                return Err(Error::config("points", "finite numbers", format_args!("({}, {})", at.x, at.y)));
            }
            let at = self.to_cell(at);
            columns.extend(along(self.width, at.x).into_iter().map(|v| v as f32));
            rows.extend(along(self.height, at.y).into_iter().map(|v| v as f32));
        }
        Ok((columns, rows))
    }
}

impl Codec for HeatmapCodec {
    fn output_shape(&self) -> Vec<usize> {
        let maps = if self.config.target == Target::Summed { 1 } else { self.points };
        vec![maps, self.height, self.width]
    }

    fn target(&self) -> Option<Target> {
        Some(self.config.target)
    }

    /// Points outside the view are encoded as they are: a Gaussian map may be empty, a distribution gathers at the
    /// nearest edge.
    fn encode(&self, points: &Tensor) -> Result<Tensor> {
        let batch = batch_of("points", points, &[self.points, 2])?;
        let host: Vec<f32> = points.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        let (columns, rows) = self.profiles(&host)?;
        let columns = Tensor::from_vec(columns, (batch, self.points, self.width), points.device())?;
        let rows = Tensor::from_vec(rows, (batch, self.points, self.height), points.device())?;
        Ok(match self.config.target {
            Target::Summed => rows.transpose(1, 2)?.contiguous()?.matmul(&columns)?.minimum(1.0)?.unsqueeze(1)?,
            _ => rows.unsqueeze(3)?.broadcast_mul(&columns.unsqueeze(2)?)?,
        })
    }

    fn decode(&self, output: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        self.located(&self.each_map(output, |map| self.read(map))?, output.device())
    }

    fn decode_with_spread(&self, output: &Tensor) -> Result<Reading> {
        let all = self.each_map(output, |map| (self.read(map), self.deviation(map)))?;
        let (read, deviations): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let (points, confidence) = self.located(&read, output.device())?;
        let stride = self.config.stride as f64;
        let spreads: Vec<f32> = deviations.into_iter().map(|cells| (cells * stride) as f32).collect();
        let spread = Tensor::from_vec(spreads, ((), self.points), output.device())?;
        Ok(Reading { points, confidence, spread: Some(spread) })
    }

    fn onnx(&self, graph: &mut Graph, output: &Value) -> Decoded {
        self.decoded(graph, output)
    }

    fn onnx_spread(&self, graph: &mut Graph, output: &Value) -> Option<Value> {
        self.has_points().then(|| self.deviations(graph, output))
    }

    fn points(&self, output: &Tensor) -> Result<Tensor> {
        self.has_order()?;
        let maps = self.readable(output)?;
        let (batch, count, h, w) = maps.dims4()?;
        let maps = maps.reshape((batch * count, h * w))?;
        let share = match self.config.target {
            Target::Softmax => maps,
            // Not a distribution yet; the small number keeps an empty map from dividing by zero.
            _ => maps.broadcast_div(&(maps.sum_keepdim(1)? + 1e-6)?)?,
        };
        let place = |x: usize, y: usize| {
            let at = self.to_view(Point::new(profile::place(x, w), profile::place(y, h)));
            [at.x as f32, at.y as f32]
        };
        let places: Vec<f32> = (0..h).flat_map(|y| (0..w).flat_map(move |x| place(x, y))).collect();
        let places = Tensor::from_vec(places, (h * w, 2), output.device())?.to_dtype(output.dtype())?;
        Ok(share.matmul(&places)?.reshape((batch, count, 2))?)
    }

    fn spread_weights(&self, weights: &Tensor) -> Result<Tensor> {
        let batch = batch_of("weights", weights, &[self.points])?;
        let weights = match self.config.target {
            Target::Summed => weights.min_keepdim(1)?,
            _ => weights.clone(),
        };
        let maps = weights.dim(1)?;
        Ok(weights.reshape((batch, maps, 1, 1))?.broadcast_as((batch, maps, self.height, self.width))?.contiguous()?)
    }

    fn maps(&self, output: &Tensor) -> Result<Option<Tensor>> {
        let maps = self.readable(&output.detach())?;
        Ok(Some(match self.config.target {
            Target::Softmax => {
                let peak = maps.flatten_from(2)?.max(2)?.unsqueeze(2)?.unsqueeze(3)?;
                maps.broadcast_div(&peak)?
            }
            _ => maps.clamp(0.0, 1.0)?,
        }))
    }
}

//! Runs networks over data and brings the points back into original pixels.

use crate::{Error, Result};
use candle_core::{D, Device, Tensor};
use candle_vision_helpers::{Affine, Point, Rect};
use facekp_data::{Batch, Dataset, Keypoints, Loader, LoaderConfig, Scale, Scheme};
use facekp_models::{Codec, CodecConfig, KeypointModel, Task, WeightsFile, codec::heatmap::Target};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};

/// One face's predicted points, and the truth where it is known; original pixels.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Index in the dataset.
    pub index: usize,
    /// The sample.
    pub id: String,
    /// Pose or subset.
    pub subset: Option<String>,
    /// Predicted.
    pub points: Vec<Point>,
    /// `0..=1` a point.
    pub confidence: Vec<f64>,
    /// Annotated.
    pub truth: Keypoints,
    /// What errors are divided by.
    pub scale: Scale,
}

/// A network ready to predict.
pub struct Predictor {
    /// What it does.
    pub task: Task,
    /// The network.
    pub model: Box<dyn KeypointModel>,
    /// Reads its output.
    pub codec: Box<dyn Codec>,
    /// Where it runs.
    pub device: Device,
}

/// What `predict --json` lists for one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureResult {
    /// As given on the command line.
    pub file: String,
    /// `[x, y, w, h]`, the picture's own pixels.
    #[serde(rename = "box")]
    pub face: [f64; 4],
    /// `[x, y, confidence]` a point.
    pub points: Vec<[f64; 3]>,
}

impl PictureResult {
    /// From what [`Predictor::picture`] returns.
    pub fn new(file: impl Into<String>, face: Rect, points: &[Point], confidence: &[f64]) -> Self {
        let points = points.iter().zip(confidence).map(|(p, &c)| [p.x, p.y, c]).collect();
        Self { file: file.into(), face: [face.x, face.y, face.width, face.height], points }
    }
}

/// How many views are predicted at once.
const BATCH: usize = 16;

impl Predictor {
    /// Loads a weights file.
    ///
    /// # Errors
    /// As [`WeightsFile::read`] and [`WeightsFile::build`].
    pub fn load(path: &Path, device: &Device) -> Result<(Self, WeightsFile)> {
        let file = WeightsFile::read(path)?;
        let (_, model) = file.build(path, device)?;
        let model = model.for_inference()?.unwrap_or(model);
        Ok((Self::new(file.manifest.task.clone(), model, device)?, file))
    }

    /// A network that is already in memory, such as one in training.
    ///
    /// # Errors
    /// As [`Task::validate`].
    pub fn new(task: Task, model: Box<dyn KeypointModel>, device: &Device) -> Result<Self> {
        Ok(Self { codec: task.codec()?, task, model, device: device.clone() })
    }

    /// Whether the network's output names single points; the map that sums all points does not.
    pub fn has_points(&self) -> bool {
        !matches!(&self.task.codec, CodecConfig::Heatmap(c) if c.target == Target::Summed)
    }

    /// Predicts the samples of a batch (averaging with the mirrored picture when `flip`).
    ///
    /// # Errors
    /// When the network refuses the shapes.
    pub fn batch(&self, batch: &Batch, flip: bool) -> Result<Vec<Prediction>> {
        let scheme = self.task.scheme()?;
        let images = batch.images.to_device(&self.device)?;
        let mut views = self.views(&images)?;
        if flip {
            let mirrored = self.views(&images.flip(&[3])?)?;
            let width = images.dim(D::Minus1)?;
            for (view, other) in views.iter_mut().zip(&mirrored) {
                *view = average(view, &unmirror(other, width, scheme));
            }
        }
        let found = batch.items.iter().zip(views).map(|(item, view)| {
            let view = if item.mirrored { renamed(&view, scheme) } else { view };
            Prediction {
                index: item.index,
                id: item.id.clone(),
                subset: item.subset.clone(),
                points: view.iter().map(|(p, _)| item.to_view.unapply(*p)).collect(),
                confidence: view.iter().map(|(_, c)| *c).collect(),
                truth: item.truth.clone(),
                scale: item.scale,
            }
        });
        Ok(found.collect())
    }

    /// Predicts samples `indices` of a dataset, in order.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn dataset(&self, data: Arc<dyn Dataset>, indices: &[usize], flip: bool) -> Result<Vec<Prediction>> {
        let mut all = Vec::with_capacity(indices.len());
        for batch in self.loader(data, indices)?.epoch(0) {
            all.extend(self.batch(&batch?, flip)?);
        }
        Ok(all)
    }

    /// The views of samples `indices`, as [`Predictor::dataset`] sees them.
    ///
    /// # Errors
    /// When the dataset has another scheme; as [`Loader::new`].
    pub fn loader(&self, data: Arc<dyn Dataset>, indices: &[usize]) -> Result<Loader> {
        if data.scheme().name != self.task.scheme {
            let reason = format!("expected data with {} points, got {}", self.task.scheme, data.scheme().name);
            return Err(Error::Mismatch { id: data.describe(), reason });
        }
        let config = LoaderConfig {
            batch: BATCH,
            view: self.task.view.clone(),
            augment: None,
            shuffle: false,
            drop_last: false,
            workers: 0,
            seed: 0,
            cache_bytes: 0,
        };
        Ok(Loader::new(data, indices.to_vec(), config)?)
    }

    /// What a heatmap network shows for the views of a batch, `(B, K, h, w)` (K = 1 for the summed map) in `0..=1`; `None` for networks
    /// without maps. Softmax maps are shown relative to their peak.
    ///
    /// # Errors
    /// When the network refuses the shapes.
    pub fn maps(&self, batch: &Batch) -> Result<Option<Tensor>> {
        let CodecConfig::Heatmap(config) = &self.task.codec else { return Ok(None) };
        let output = self.model.forward(&batch.images.to_device(&self.device)?, false)?;
        let maps = match config.target {
            Target::Gaussian => output.clamp(0f32, 1f32)?,
            Target::Sigmoid | Target::Summed => (output.neg()?.exp()? + 1.0)?.recip()?,
            Target::Softmax => relative(&output)?,
        };
        Ok(Some(maps.to_device(&Device::Cpu)?))
    }

    /// What the network should have shown: the codec's target for the batch, `(B, K, h, w)`, relative to its peak.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    pub fn target_maps(&self, batch: &Batch) -> Result<Option<Tensor>> {
        let CodecConfig::Heatmap(_) = &self.task.codec else { return Ok(None) };
        let weights = batch.weights.unsqueeze(2)?;
        let target = match self.has_points() {
            true => self.codec.encode(&batch.points)?.broadcast_mul(&weights.unsqueeze(3)?)?,
            // Far away, a hidden point leaves no trace in the sum of all.
            false => self.codec.encode(&batch.points.broadcast_add(&((&weights - 1.0)? * 1e6)?)?)?,
        };
        let peak = target.max_keepdim(D::Minus1)?.max_keepdim(D::Minus2)?;
        Ok(Some(target.broadcast_div(&(peak + 1e-12)?)?))
    }

    /// Points and confidences in view pixels, a view each.
    fn views(&self, images: &Tensor) -> Result<Vec<Vec<(Point, f64)>>> {
        let output = self.model.forward(images, false)?;
        let (points, confidence) = self.codec.decode(&output)?;
        // Sync point.
        let (points, confidence) = (points.to_vec3::<f32>()?, confidence.to_vec2::<f32>()?);
        let pair = |(p, c): (&Vec<f32>, &f32)| (Point::new(f64::from(p[0]), f64::from(p[1])), f64::from(*c));
        Ok(points.iter().zip(&confidence).map(|(p, c)| p.iter().zip(c).map(pair).collect()).collect())
    }
}

/// Softmax maps relative to their peak: `exp(logit - highest logit)`.
fn relative(logits: &Tensor) -> Result<Tensor> {
    let peak = logits.max_keepdim(D::Minus1)?.max_keepdim(D::Minus2)?;
    Ok(logits.broadcast_sub(&peak)?.exp()?)
}

fn renamed(view: &[(Point, f64)], scheme: &Scheme) -> Vec<(Point, f64)> {
    scheme.flip.iter().map(|&i| view[i]).collect()
}

/// What was found in the mirrored view, in the view's own pixels and names.
fn unmirror(view: &[(Point, f64)], width: usize, scheme: &Scheme) -> Vec<(Point, f64)> {
    let mirror = Affine::mirror(width);
    renamed(view, scheme).into_iter().map(|(p, c)| (mirror.unapply(p), c)).collect()
}

fn average(a: &[(Point, f64)], b: &[(Point, f64)]) -> Vec<(Point, f64)> {
    let half = |(p, c): &(Point, f64), (q, d): &(Point, f64)| {
        (Point::new((p.x + q.x) / 2.0, (p.y + q.y) / 2.0), (c + d) / 2.0)
    };
    a.iter().zip(b).map(|(a, b)| half(a, b)).collect()
}

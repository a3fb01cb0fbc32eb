//! Runs networks over data and brings the points back into original pixels.

use crate::{Error, Result};
use candle_core::{D, Device, Tensor};
use candle_vision_helpers::{Affine, Point};
use facekp_data::{Batch, Dataset, Keypoints, Loader, LoaderConfig, Scale, Scheme};
use facekp_models::{Codec, CodecConfig, KeypointModel, Task, WeightsFile, codec::heatmap::Target};
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
    /// `0..=1` per point; `None` where the network does not say.
    pub confidence: Option<Vec<f64>>,
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
                *view = view.averaged(&other.unmirrored(width, scheme));
            }
        }
        let found = batch.items.iter().zip(views).map(|(item, view)| {
            let view = if item.mirrored { view.renamed(scheme) } else { view };
            Prediction {
                index: item.index,
                id: item.id.clone(),
                subset: item.subset.clone(),
                points: view.points.iter().map(|p| item.to_view.unapply(*p)).collect(),
                confidence: view.confidence,
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
        let target = self.codec.encode(&batch.points)?;
        let peak = target.max_keepdim(D::Minus1)?.max_keepdim(D::Minus2)?;
        Ok(Some(target.broadcast_div(&(peak + 1e-12)?)?))
    }

    /// What is found in each view.
    fn views(&self, images: &Tensor) -> Result<Vec<Found>> {
        let output = self.model.forward(images, false)?;
        // A map of NaN has a highest cell, too: the points would look like any others. Sync point.
        let sum = output.sum_all()?.to_scalar::<f32>()?;
        if !sum.is_finite() {
            let reason = format!("expected numbers from the network, got {sum}: its weights are broken");
            return Err(Error::Mismatch { id: self.task.scheme.clone(), reason });
        }
        let (points, confidence) = self.codec.decode(&output)?;
        // Sync point.
        let points = points.to_vec3::<f32>()?.into_iter();
        let sure = confidence.map(|c| c.to_vec2::<f32>()).transpose()?;
        let point = |p: Vec<f32>| Point::new(f64::from(p[0]), f64::from(p[1]));
        let found = points.enumerate().map(|(i, points)| Found {
            points: points.into_iter().map(point).collect(),
            confidence: sure.as_ref().map(|c| c[i].iter().map(|&v| f64::from(v)).collect()),
        });
        Ok(found.collect())
    }
}

/// What a network finds in one view, in the view's pixels.
struct Found {
    points: Vec<Point>,
    confidence: Option<Vec<f64>>,
}

impl Found {
    /// Under the names that the points have in a mirror.
    fn renamed(&self, scheme: &Scheme) -> Self {
        Self {
            points: scheme.flip.iter().map(|&i| self.points[i]).collect(),
            confidence: self.confidence.as_ref().map(|c| scheme.flip.iter().map(|&i| c[i]).collect()),
        }
    }

    /// What was found in the mirrored view `width` pixels wide, in the pixels and names of the view itself.
    fn unmirrored(&self, width: usize, scheme: &Scheme) -> Self {
        let mirror = Affine::mirror(width);
        let mut found = self.renamed(scheme);
        found.points.iter_mut().for_each(|p| *p = mirror.unapply(*p));
        found
    }

    fn averaged(&self, other: &Self) -> Self {
        let middle = |(p, q): (&Point, &Point)| Point::new((p.x + q.x) / 2.0, (p.y + q.y) / 2.0);
        let sure = self.confidence.as_ref().zip(other.confidence.as_ref());
        Self {
            points: self.points.iter().zip(&other.points).map(middle).collect(),
            confidence: sure.map(|(a, b)| a.iter().zip(b).map(|(c, d)| (c + d) / 2.0).collect()),
        }
    }
}

/// Softmax maps relative to their peak: `exp(logit - highest logit)`.
fn relative(logits: &Tensor) -> Result<Tensor> {
    let peak = logits.max_keepdim(D::Minus1)?.max_keepdim(D::Minus2)?;
    Ok(logits.broadcast_sub(&peak)?.exp()?)
}

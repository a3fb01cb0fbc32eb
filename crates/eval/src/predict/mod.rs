//! Runs networks over data and brings the points back into original pixels.

mod detector;
mod doubt;
mod flip;
mod found;
pub(crate) mod photo;
pub(crate) mod place;
mod reader;
mod seen;
mod sigma;

pub use detector::Detector;
pub use doubt::Doubt;
pub use flip::Flip;
pub use found::{FoundPredictions, MissedFace};
pub use photo::Located;
pub use place::Place;
pub use reader::{PhotoReader, Wanted};
pub use sigma::{CalibrationViews, Reliability};

use crate::error::{Error, Result};
use candle_core::{D, Device, Tensor};
use candle_vision_helpers::{Point, heatmap::Decode, ops};
use facekp_data::{Augment, Batch, Dataset, Keypoints, Loader, LoaderConfig, Scale};
use facekp_models::{Calibration, Codec, CodecConfig, KeypointModel, Pass, Task, WeightsFile, codec::Reading};
use seen::Found;
use std::{path::Path, sync::Arc};

/// One face's predicted points, and the truth where it is known; original pixels.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Index in the dataset.
    pub index: usize,
    /// Name of the sample.
    pub id: String,
    /// Pose or subset of the sample.
    pub subset: Option<String>,
    /// Predicted points.
    pub points: Vec<Point>,
    /// Confidence per point, `0..=1`; `None` where the network has none.
    pub confidence: Option<Vec<f64>>,
    /// Expected distance of each point from where it is, original pixels; `None` for networks that were not calibrated.
    pub sigma: Option<Vec<f64>>,
    /// Annotated points.
    pub truth: Keypoints,
    /// The distances that errors are divided by.
    pub scale: Scale,
}

/// A network ready to predict.
pub struct Predictor {
    task: Task,
    model: Box<dyn KeypointModel>,
    codec: Box<dyn Codec>,
    calibration: Option<Calibration>,
    device: Device,
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
        Ok((Self::of(&file, path, device)?, file))
    }

    /// The network of a weights file in memory; `path` is for the errors.
    ///
    /// # Errors
    /// As [`WeightsFile::build`].
    pub fn of(file: &WeightsFile, path: &Path, device: &Device) -> Result<Self> {
        let (_, model) = file.build(path, device)?;
        let model = model.for_inference()?.unwrap_or(model);
        let this = Self::new(file.manifest.task.clone(), model, device)?;
        Ok(Self { calibration: file.manifest.calibration.clone(), ..this })
    }

    /// Wraps a network that is already in memory, such as one in training.
    ///
    /// # Errors
    /// As [`Task::validate`].
    pub fn new(task: Task, model: Box<dyn KeypointModel>, device: &Device) -> Result<Self> {
        Ok(Self { codec: task.codec()?, task, model, calibration: None, device: device.clone() })
    }

    /// A copy whose network can only predict, and does so faster; it is not changed by further training. `None` where
    /// nothing would be gained.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn for_inference(&self) -> Result<Option<Self>> {
        let model = self.model.for_inference()?;
        let Some(model) = model else { return Ok(None) };
        let this = Self::new(self.task.clone(), model, &self.device)?;
        Ok(Some(Self { calibration: self.calibration.clone(), ..this }))
    }

    /// Changes how points are read from the maps.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a network without heatmaps.
    pub fn with_decode(mut self, decode: Decode) -> Result<Self> {
        let CodecConfig::Heatmap(config) = &mut self.task.codec else {
            let reason = "expected a network with heatmaps, got direct regression".into();
            return Err(Error::Mismatch { id: "decode".into(), reason });
        };
        config.decode = decode;
        self.codec = self.task.codec()?;
        Ok(self)
    }

    /// The network's task: scheme, view, codec, sizes.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The codec that writes the network's targets and reads its output.
    pub fn codec(&self) -> &dyn Codec {
        self.codec.as_ref()
    }

    /// The device that the network runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether the network's output names single points; the map that sums all points does not.
    pub fn has_points(&self) -> bool {
        self.codec.has_points()
    }

    /// Computes the network's output for a batch, as [`KeypointModel::forward`] does.
    ///
    /// # Errors
    /// When the network refuses the shapes.
    pub fn forward(&self, batch: &Batch, pass: Pass) -> Result<Tensor> {
        Ok(self.model.forward(&ops::upload(&batch.images, &self.device)?, pass)?)
    }

    /// Predicts the samples of a batch.
    ///
    /// # Errors
    /// When the network refuses the shapes, or its output is not a number.
    pub fn predict_batch(&self, batch: &Batch, flip: Flip) -> Result<Vec<Prediction>> {
        self.in_original_pixels(self.look_at(batch, flip, self.calibration.is_some())?, batch)
    }

    /// What is seen in each view, with the spread of the maps where that is asked for.
    fn look_at(&self, batch: &Batch, flip: Flip, spread: bool) -> Result<Vec<Found>> {
        let images = batch.images.to_device(&self.device)?;
        let mut found = self.decode(&self.model.forward(&images, Pass::Inference)?, spread)?;
        // An object whose mirror image is none of its kind is seen as it is.
        if let Some(partners) = self.task.scheme.mirror().filter(|_| flip == Flip::Averaged) {
            let mirrored = self.decode(&self.model.forward(&images.flip(&[3])?, Pass::Inference)?, spread)?;
            let width = images.dim(D::Minus1)?;
            for (view, other) in found.iter_mut().zip(&mirrored) {
                *view = view.averaged(&other.unmirrored(width, partners));
            }
        }
        Ok(found)
    }

    /// Reads the network's output for a batch, for a caller that has it already.
    ///
    /// # Errors
    /// When the output has another shape, or is not a number.
    pub fn read(&self, output: &Tensor, batch: &Batch) -> Result<Vec<Prediction>> {
        self.in_original_pixels(self.decode(output, self.calibration.is_some())?, batch)
    }

    /// Predicts samples `indices` of a dataset, in order.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn predict_dataset(&self, data: Arc<dyn Dataset>, indices: &[usize], flip: Flip) -> Result<Vec<Prediction>> {
        let mut all = Vec::with_capacity(indices.len());
        for batch in self.loader(data, indices, None)?.epoch(0) {
            all.extend(self.predict_batch(&batch?, flip)?);
        }
        Ok(all)
    }

    /// The views of samples `indices` in one batch, as [`Predictor::predict_dataset`] sees them.
    ///
    /// # Errors
    /// When the dataset has another scheme, or a picture cannot be read.
    pub fn views(&self, data: &dyn Dataset, indices: &[usize]) -> Result<Batch> {
        self.check_scheme(data)?;
        let samples = indices.iter().map(|&i| data.get(i)).collect::<facekp_data::Result<Vec<_>>>()?;
        Ok(Batch::of_samples(&self.task.view, &samples)?)
    }

    /// The maps that a heatmap network shows for the views of a batch, `(B, K, h, w)` (K = 1 for the summed map) in
    /// `0..=1`; `None` for networks without maps.
    ///
    /// # Errors
    /// When the network refuses the shapes.
    pub fn maps(&self, batch: &Batch) -> Result<Option<Tensor>> {
        let maps = self.codec.maps(&self.forward(batch, Pass::Inference)?)?;
        Ok(maps.map(|m| m.to_device(&Device::Cpu)).transpose()?)
    }

    /// The maps that a heatmap network should show: the codec's target for the batch, `(B, K, h, w)`, relative to its
    /// peak.
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

    fn loader(&self, data: Arc<dyn Dataset>, indices: &[usize], augment: Option<&Augment>) -> Result<Loader> {
        self.check_scheme(data.as_ref())?;
        let plain = LoaderConfig::plain(self.task.view.clone(), BATCH);
        Ok(Loader::new(data, indices.to_vec(), LoaderConfig { augment: augment.cloned(), ..plain })?)
    }

    fn check_scheme(&self, data: &dyn Dataset) -> Result<()> {
        if *data.scheme() == self.task.scheme {
            return Ok(());
        }
        let reason = format!("expected data with {} points, got {}", self.task.scheme.name(), data.scheme().name());
        Err(Error::Mismatch { id: data.describe(), reason })
    }

    /// What an output says of each view.
    fn decode(&self, output: &Tensor, spread: bool) -> Result<Vec<Found>> {
        // A map of NaN has a highest cell, too: the points would look like any others. Sync point.
        let sum = output.sum_all()?.to_scalar::<f32>()?;
        if !sum.is_finite() {
            let reason = format!("expected numbers from the network, got {sum}: its weights are broken");
            return Err(Error::Mismatch { id: self.task.scheme.name().into(), reason });
        }
        let Reading { points, confidence, spread } = match spread {
            true => self.codec.decode_with_spread(output)?,
            false => {
                let (points, confidence) = self.codec.decode(output)?;
                Reading { points, confidence, spread: None }
            }
        };
        // Sync point.
        let points = points.to_vec3::<f32>()?.into_iter();
        let sure = confidence.map(|c| c.to_vec2::<f32>()).transpose()?;
        let spread = spread.map(|s| s.to_vec2::<f32>()).transpose()?;
        let wide = |values: &Vec<f32>| values.iter().map(|&v| f64::from(v)).collect();
        let point = |p: Vec<f32>| Point::new(f64::from(p[0]), f64::from(p[1]));
        let found = points.enumerate().map(|(i, points)| Found {
            points: points.into_iter().map(point).collect(),
            confidence: sure.as_ref().map(|c| wide(&c[i])),
            sigma: spread.as_ref().map(|s| wide(&s[i])),
        });
        Ok(found.collect())
    }

    fn in_original_pixels(&self, found: Vec<Found>, batch: &Batch) -> Result<Vec<Prediction>> {
        let scheme = &self.task.scheme;
        let place = batch.items.iter().zip(found).map(|(item, view)| {
            let view = match scheme.mirror() {
                Some(partners) if item.mirrored => view.renamed(partners),
                _ => view,
            };
            let seen = view.calibrated(self.calibration.as_ref()).moved(&item.to_view.inverse());
            Prediction {
                index: item.index,
                id: item.id.clone(),
                subset: item.subset.clone(),
                points: seen.points,
                confidence: seen.confidence,
                sigma: seen.sigma,
                truth: item.truth.clone(),
                scale: item.scale,
            }
        });
        Ok(place.collect())
    }
}

//! Batches by worker threads, prefetched; the order and the augmentation depend on the seed alone, never on the number
//! of workers.

mod cache;
mod queue;

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    keypoints::Keypoints,
    sample::{Sample, Scale},
    view::{Augment, View, ViewSpec},
};
use cache::Cache;
use candle_core::{Device, Tensor};
use candle_vision_helpers::{Affine, Rect, Size, Wrong, rng::splitmix64};
use queue::{Make, Queue};
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use std::sync::Arc;

/// What the loader does.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Samples a batch; the last one of an epoch may be smaller unless `drop_last`.
    pub batch: usize,
    /// How views are made and normalised.
    pub view: ViewSpec,
    /// Changes in training; `None` for evaluation.
    pub augment: Option<Augment>,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Leaves out a smaller last batch.
    pub drop_last: bool,
    /// Worker threads; 0 means one for each core.
    pub workers: usize,
    /// With the epoch and the sample's index, all that chance depends on.
    pub seed: u64,
    /// Memory for decoded (pre-shrunk) pictures; 0 turns the cache off.
    pub cache_bytes: usize,
}

impl LoaderConfig {
    /// Every sample once, in order and unchanged, as evaluation wants them.
    pub fn in_order(view: ViewSpec, batch: usize) -> Self {
        Self { batch, view, augment: None, shuffle: false, drop_last: false, workers: 0, seed: 0, cache_bytes: 0 }
    }
}

/// Tensors of some samples, on the CPU.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `(B, C, H, W)`, normalised.
    pub images: Tensor,
    /// `(B, K, 2)`, view pixels.
    pub points: Tensor,
    /// `(B, K)`: 1 where the point counts, else 0.
    pub weights: Tensor,
    /// What else is known of each sample.
    pub items: Vec<Item>,
}

impl Batch {
    /// The plain views of `samples`, in order and without augmentation.
    ///
    /// # Errors
    /// When a sample's box has no area.
    pub fn of_samples(spec: &ViewSpec, samples: &[Sample]) -> Result<Self> {
        spec.validate().map_err(|w| w.below("view"))?;
        let one = |(index, sample): (usize, &Sample)| {
            let view = spec.view(sample, None)?;
            let item = Item::new(index, sample.clone(), &view);
            Ok((view, item))
        };
        let made = samples.par_iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        let (views, items): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        collate(spec, &views, items)
    }
}

/// What is known of one sample of a batch beside the tensors.
#[derive(Clone, Debug)]
pub struct Item {
    /// Index in the dataset.
    pub index: usize,
    /// The sample's name.
    pub id: String,
    /// Pose or subset.
    pub subset: Option<String>,
    /// From original to view pixels.
    pub to_view: Affine,
    /// Whether the view is mirrored and the batch's points are renamed (`truth` is not).
    pub mirrored: bool,
    /// Truth, original pixels.
    pub truth: Keypoints,
    /// The face box, original pixels.
    pub face: Rect,
    /// The original picture's size.
    pub original: Size,
    /// What errors are divided by.
    pub scale: Scale,
}

impl Item {
    fn new(index: usize, sample: Sample, view: &View) -> Self {
        let Sample { id, subset, original, face, points: truth, scale, .. } = sample;
        let (to_view, mirrored) = (view.to_view, view.mirrored);
        Self { index, id, subset, to_view, mirrored, truth, face, original, scale }
    }
}

/// The generator of all chance in sample `index` of epoch `epoch` of a run with `seed`.
///
/// The three numbers go through splitmix64 one after the other, so that neighbouring ones give unrelated streams.
pub fn rng(seed: u64, epoch: u64, index: u64) -> Pcg64Mcg {
    let key = splitmix64(splitmix64(splitmix64(seed) ^ epoch) ^ index);
    Pcg64Mcg::new(u128::from(key) << 64 | u128::from(splitmix64(key)))
}

/// No sample has this index: the generator of an epoch's order.
const ORDER: u64 = u64::MAX;

/// Makes batches of some samples of a dataset.
pub struct Loader {
    shared: Arc<Shared>,
    indices: Vec<usize>,
}

struct Shared {
    dataset: Arc<dyn Dataset>,
    config: LoaderConfig,
    cache: Cache,
}

impl Loader {
    /// A loader of `indices`.
    ///
    /// # Errors
    /// When there are none (or too few for one batch with `drop_last`), one is out of range, the batch size is 0, or
    /// the view or the augmentation makes no sense.
    pub fn new(dataset: Arc<dyn Dataset>, indices: Vec<usize>, config: LoaderConfig) -> Result<Self> {
        config.view.validate().map_err(|w| w.below("view"))?;
        if let Some(augment) = &config.augment {
            augment.validate().map_err(|w| w.below("augment"))?;
            let scheme = dataset.scheme();
            if augment.flip > 0.0 && scheme.mirror().is_none() {
                let expected = format!("0, since the scheme {} has no mirror pairs", scheme.name());
                return Err(Wrong::new("augment.flip", expected, augment.flip).into());
            }
        }
        if config.batch == 0 {
            return Err(Error::Invalid("loader: expected a batch size of at least 1, got 0".into()));
        }
        let least = if config.drop_last { config.batch } else { 1 };
        if indices.len() < least {
            return Err(Error::Invalid(format!("loader: expected at least {least} sample(s), got {}", indices.len())));
        }
        if let Some(beyond) = indices.iter().find(|&&i| i >= dataset.len()) {
            let len = dataset.len();
            return Err(Error::Invalid(format!("loader: expected sample numbers below {len}, got {beyond}")));
        }
        let cache = Cache::new(config.cache_bytes);
        Ok(Self { shared: Arc::new(Shared { dataset, config, cache }), indices })
    }

    /// Batches an epoch.
    pub fn batches(&self) -> usize {
        let batch = self.shared.config.batch;
        if self.shared.config.drop_last { self.indices.len() / batch } else { self.indices.len().div_ceil(batch) }
    }

    /// Samples an epoch.
    pub fn samples(&self) -> usize {
        self.indices.len().min(self.batches() * self.shared.config.batch)
    }

    /// The batches of one epoch, in order. Dropping the iterator stops the workers.
    ///
    /// A broken sample's error comes in place of its batch and ends the epoch.
    pub fn epoch(&self, epoch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + Send + '_> {
        let config = &self.shared.config;
        let mut order = self.indices.clone();
        if config.shuffle {
            order.shuffle(&mut rng(config.seed, epoch as u64, ORDER));
        }
        order.truncate(self.samples());
        let sizes: Vec<usize> = order.chunks(config.batch).map(<[usize]>::len).collect();
        let workers = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let workers = workers.min(order.len());
        Box::new(Queue::start(Epoch { shared: Arc::clone(&self.shared), epoch: epoch as u64, order, sizes }, workers))
    }
}

/// One pass over the samples.
struct Epoch {
    shared: Arc<Shared>,
    epoch: u64,
    order: Vec<usize>,
    sizes: Vec<usize>,
}

impl Make for Epoch {
    type Part = (View, Item);
    type Whole = Batch;

    fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    fn part(&self, batch: usize, part: usize) -> Result<Self::Part> {
        let Shared { dataset, config, cache } = &*self.shared;
        let index = self.order[batch * config.batch + part];
        let augment = config.augment.as_ref();
        let sample = match cache.get(index) {
            Some(sample) => sample,
            None => {
                let sample = config.view.prepare(&dataset.get(index)?, augment)?;
                cache.insert(index, &sample);
                sample
            }
        };
        let mut rng = rng(config.seed, self.epoch, index as u64);
        let view = config.view.view(&sample, augment.map(|augment| (augment, &mut rng)))?;
        let item = Item::new(index, sample, &view);
        Ok((view, item))
    }

    fn whole(&self, parts: Vec<Self::Part>) -> Result<Batch> {
        let (views, items): (Vec<View>, Vec<Item>) = parts.into_iter().unzip();
        collate(&self.shared.config.view, &views, items)
    }
}

/// Tensors of `views` on the CPU, normalised as `spec` says.
fn collate(spec: &ViewSpec, views: &[View], items: Vec<Item>) -> Result<Batch> {
    let (b, k) = (views.len(), views.first().map_or(0, |v| v.points.points().len()));
    let plane = spec.width * spec.height;
    let mut values = Vec::with_capacity(b * spec.channels() * plane);
    let (mut points, mut weights) = (Vec::with_capacity(b * k * 2), Vec::with_capacity(b * k));
    for view in views {
        for ((channel, mean), std) in view.image.outer_iter().zip(&spec.mean).zip(&spec.std) {
            let factor = 1.0 / std;
            values.extend(channel.iter().map(|v| (v - mean) * factor));
        }
        points.extend(view.points.points().iter().flat_map(|p| [p.x as f32, p.y as f32]));
        weights.extend(view.points.visible().iter().map(|&v| f32::from(u8::from(v))));
    }
    Ok(Batch {
        images: Tensor::from_vec(values, (b, spec.channels(), spec.height, spec.width), &Device::Cpu)?,
        points: Tensor::from_vec(points, (b, k, 2), &Device::Cpu)?,
        weights: Tensor::from_vec(weights, (b, k), &Device::Cpu)?,
        items,
    })
}

#[cfg(test)]
mod tests;

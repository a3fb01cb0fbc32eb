//! Batches by worker threads, prefetched; the order and the augmentation depend on the seed alone, never on the number
//! of workers.

mod batch;
mod cache;
mod epoch;
mod queue;
mod share;

pub use batch::{Batch, Item};
pub use epoch::rng;
pub use share::Share;

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    view::{Augment, ViewSpec},
};
use cache::Cache;
use candle_vision_helpers::Wrong;
use epoch::{Epoch, Source};
use queue::Queue;
use rand::seq::SliceRandom;
use std::sync::Arc;

/// Settings of a loader; [`LoaderConfig::plain`] and [`LoaderConfig::training`] are where to start from.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Samples per batch; the last one of an epoch may be smaller unless `drop_last`.
    pub batch: usize,
    /// Recipe of the views, with their normalization.
    pub view: ViewSpec,
    /// Random changes of the views; `None` for plain ones.
    pub augment: Option<Augment>,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Whether a smaller last batch is left out.
    pub drop_last: bool,
    /// Worker threads; 0 means one for each core.
    pub workers: usize,
    /// Seed of the order and of the changes; besides it, chance depends on epoch and sample alone.
    pub seed: u64,
    /// Memory for decoded (pre-shrunk) pictures; 0 turns the cache off.
    pub cache_bytes: usize,
    /// The part of each batch that is made: all of it, unless several processes have one batch together.
    pub share: Share,
}

impl LoaderConfig {
    /// Every sample once per epoch, in order and unchanged, as evaluation wants them; without a cache.
    pub fn plain(view: ViewSpec, batch: usize) -> Self {
        let (augment, share) = (None, Share::WHOLE);
        Self { batch, view, augment, shuffle: false, drop_last: false, workers: 0, seed: 0, cache_bytes: 0, share }
    }

    /// Every sample once per epoch, in an order of that epoch and changed at random; without a cache.
    pub fn training(view: ViewSpec, batch: usize, augment: Augment, seed: u64) -> Self {
        Self { augment: Some(augment), shuffle: true, seed, ..Self::plain(view, batch) }
    }
}

/// No sample has this index: the generator of an epoch's order.
const ORDER: u64 = u64::MAX;

/// Makes batches of some samples of a dataset.
pub struct Loader {
    source: Arc<Source>,
    indices: Vec<usize>,
}

impl Loader {
    /// A loader of `indices`.
    ///
    /// # Errors
    /// When there are none (or too few for one batch with `drop_last`), one is out of range, the batch size is 0, the
    /// view or the augmentation makes no sense, or a batch has fewer samples than there are shares.
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
        let this = Self { source: Arc::new(Source { dataset, config, cache }), indices };
        let (smallest, shares) = (this.smallest_batch(), this.source.config.share.of);
        if smallest < shares {
            let reason =
                format!("loader: expected a sample or more for each of {shares} shares, got a batch of {smallest}");
            return Err(Error::Invalid(reason));
        }
        Ok(this)
    }

    /// Samples of the smallest batch of an epoch: the last one, where it is not as large as the others.
    fn smallest_batch(&self) -> usize {
        let (samples, batch) = (self.samples(), self.source.config.batch);
        if samples % batch > 0 { samples % batch } else { batch }
    }

    /// Batches per epoch.
    pub fn batches(&self) -> usize {
        let batch = self.source.config.batch;
        if self.source.config.drop_last { self.indices.len() / batch } else { self.indices.len().div_ceil(batch) }
    }

    /// Samples per epoch, those of other shares among them.
    pub fn samples(&self) -> usize {
        self.indices.len().min(self.batches() * self.source.config.batch)
    }

    /// The batches of one epoch, in order. Dropping the iterator stops the workers.
    ///
    /// A broken sample's error comes in place of its batch and ends the epoch.
    pub fn epoch(&self, epoch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + Send + '_> {
        let config = &self.source.config;
        let mut order = self.indices.clone();
        if config.shuffle {
            order.shuffle(&mut rng(config.seed, epoch as u64, ORDER));
        }
        order.truncate(self.samples());
        let workers = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let workers = workers.min(order.len());
        Box::new(Queue::start(Epoch::new(Arc::clone(&self.source), epoch, order), workers))
    }
}

#[cfg(test)]
mod tests;

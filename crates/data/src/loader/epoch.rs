//! One pass over the samples: which sample comes when, and all chance in it.

use super::{
    LoaderConfig,
    batch::{Batch, Part},
    cache::Cache,
};
use crate::{dataset::Dataset, error::Result};
use candle_vision_helpers::rng::splitmix64;
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;

/// What every epoch of a loader reads from.
pub(super) struct Source {
    pub dataset: Arc<dyn Dataset>,
    pub config: LoaderConfig,
    pub cache: Cache,
}

/// One pass over the samples.
pub(super) struct Epoch {
    source: Arc<Source>,
    epoch: u64,
    /// The samples of each batch that are made.
    batches: Vec<Vec<usize>>,
    sizes: Vec<usize>,
}

impl Epoch {
    /// One pass over `order`, in batches, of which it makes its share.
    pub(super) fn new(source: Arc<Source>, epoch: usize, order: Vec<usize>) -> Self {
        let LoaderConfig { batch, share, .. } = source.config;
        let batches: Vec<Vec<usize>> =
            order.chunks(batch).map(|whole| whole[share.range(whole.len())].to_vec()).collect();
        let sizes = batches.iter().map(Vec::len).collect();
        Self { source, epoch: epoch as u64, batches, sizes }
    }

    /// Number of samples of each batch that are made.
    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Sample `part` of those of batch `batch`.
    pub(super) fn part(&self, batch: usize, part: usize) -> Result<Part> {
        let Source { dataset, config, cache } = &*self.source;
        let index = self.batches[batch][part];
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
        Ok(Part::new(index, sample, view))
    }

    /// A batch of its samples, in order.
    pub(super) fn whole(&self, parts: Vec<Part>) -> Result<Batch> {
        Batch::of_parts(&self.source.config.view, parts)
    }
}

/// The generator of all chance in sample `index` of epoch `epoch` of a run with `seed`.
///
/// The three numbers go through splitmix64 one after the other, so that neighbouring ones give unrelated streams.
pub fn rng(seed: u64, epoch: u64, index: u64) -> Pcg64Mcg {
    let key = splitmix64(splitmix64(splitmix64(seed) ^ epoch) ^ index);
    Pcg64Mcg::new(u128::from(key) << 64 | u128::from(splitmix64(key)))
}

//! One stream of batches from all training datasets.
//!
//! Each batch comes from one dataset. A dataset with weight 2 gives twice its batches to every epoch of the run, with
//! weight 0.5 half of them: it continues where it stopped, so that each of its samples comes up equally often.

use crate::{
    data::{Data, Faces},
    error::Result,
    recipe::Recipe,
};
use facekp_data::{Batch, Loader, LoaderConfig, Share};

/// Decoded pictures kept in memory, a dataset.
const CACHE_BYTES: usize = 1 << 30;

type Batches<'a> = Box<dyn Iterator<Item = facekp_data::Result<Batch>> + Send + 'a>;

/// A loader of every training dataset, shuffled and augmented, with the views of epoch `epoch` (from 0 on), for a share
/// of every batch.
///
/// # Errors
/// When a dataset has no samples, or one of its batches fewer than there are shares.
pub(crate) fn training_loaders(recipe: &Recipe, data: &Data, epoch: usize, share: Share) -> Result<Vec<Loader>> {
    let view = recipe.task_in(epoch).view;
    let loader = |Faces { dataset, indices, source }: &Faces| {
        let batch = recipe.train.batch;
        let (view, augment) = (view.clone(), recipe.train.augment.clone());
        // another seed for another source, for their indices are the same numbers
        let seed = recipe.train.seed.wrapping_add(*source as u64);
        let config = LoaderConfig {
            // a last batch of a few samples would be a noisy step, and one of a single sample has no batch statistics
            drop_last: indices.len() > batch && indices.len() % batch * 2 < batch,
            cache_bytes: CACHE_BYTES,
            share,
            ..LoaderConfig::training(view, batch, augment, seed)
        };
        Ok(Loader::new(std::sync::Arc::clone(dataset), indices.clone(), config)?)
    };
    data.train.iter().map(loader).collect()
}

/// A loader of the validation samples, as they are.
///
/// # Errors
/// When there are none.
pub(crate) fn validation_loader(recipe: &Recipe, data: &Data) -> Result<Loader> {
    let plain = LoaderConfig::plain(recipe.task.view.clone(), recipe.train.batch);
    let config = LoaderConfig { cache_bytes: CACHE_BYTES, ..plain };
    Ok(Loader::new(std::sync::Arc::clone(&data.val.dataset), data.val.indices.clone(), config)?)
}

/// The batches of a run, epoch after epoch.
pub(crate) struct Stream<'a> {
    sources: Vec<Source<'a>>,
}

struct Source<'a> {
    loader: &'a Loader,
    /// Batches in an epoch of the run.
    share: usize,
    /// Batches given so far, over the whole run.
    given: usize,
    open: Option<Batches<'a>>,
}

impl<'a> Stream<'a> {
    /// A stream that continues after `epochs` epochs of the run.
    pub(crate) fn new(loaders: &'a [Loader], weights: &[f64], epochs: usize) -> Self {
        let source = |(i, loader): (usize, &'a Loader)| {
            let weight = weights.get(i).copied().unwrap_or(1.0);
            let share = ((loader.batches() as f64 * weight).round() as usize).max(1);
            Source { loader, share, given: share * epochs, open: None }
        };
        Self { sources: loaders.iter().enumerate().map(source).collect() }
    }

    /// Batches in an epoch of the run.
    pub(crate) fn batches(&self) -> usize {
        self.sources.iter().map(|s| s.share).sum()
    }

    /// Which source each batch of an epoch comes from: the one that is furthest behind its share.
    pub(crate) fn order(&self) -> Vec<usize> {
        let total = self.batches() as f64;
        let mut given = vec![0usize; self.sources.len()];
        let behind = |given: &[usize], at: usize, i: usize| {
            let share = self.sources[i].share;
            (given[i] < share).then(|| (at + 1) as f64 * share as f64 / total - given[i] as f64)
        };
        let mut order = Vec::with_capacity(self.batches());
        for at in 0..self.batches() {
            let open = (0..given.len()).filter_map(|i| behind(&given, at, i).map(|b| (i, b)));
            // of equals the first
            let Some((next, _)) = open.reduce(|a, b| if b.1 > a.1 { b } else { a }) else { break };
            given[next] += 1;
            order.push(next);
        }
        order
    }

    /// The next batch of a source.
    ///
    /// # Errors
    /// When a sample cannot be read.
    pub(crate) fn next(&mut self, source: usize) -> Result<Batch> {
        let s = &mut self.sources[source];
        let batches = s.loader.batches();
        if s.open.is_none() {
            let mut open = s.loader.epoch(s.given / batches);
            // a resumed run whose weight is no whole number starts amid a pass over the data
            for _ in 0..s.given % batches {
                open.next().transpose()?;
            }
            s.open = Some(open);
        }
        s.given += 1;
        let next = s.open.as_mut().and_then(Iterator::next);
        if s.given.is_multiple_of(batches) {
            s.open = None;
        }
        let ended = || facekp_data::Error::Invalid("a loader ended before its last batch".to_owned());
        Ok(next.ok_or_else(ended)??)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{discs, recipe};

    fn ids(stream: &mut Stream<'_>, epochs: usize) -> Vec<Vec<String>> {
        let mut epoch = || {
            let batches = stream.order().into_iter().map(|s| stream.next(s).unwrap().items).collect::<Vec<_>>();
            batches.into_iter().flatten().map(|i| i.id).collect()
        };
        (0..epochs).map(|_| epoch()).collect()
    }

    #[test]
    fn every_sample_once_an_epoch_in_another_order_each() {
        let loaders = training_loaders(&recipe(&[]).unwrap(), &discs(10), 0, Share::WHOLE).unwrap();
        let epochs = ids(&mut Stream::new(&loaders, &[1.0], 0), 2);
        let sorted = |ids: &[String]| {
            let mut ids = ids.to_vec();
            ids.sort();
            ids.dedup();
            ids
        };
        // 10 samples in batches of 4: the last two are half a batch and stay
        assert_eq!((epochs[0].len(), sorted(&epochs[0]).len()), (10, 10));
        assert_ne!(epochs[0], epochs[1]);
        assert_eq!(sorted(&epochs[0]), sorted(&epochs[1]));
    }

    #[test]
    fn a_weight_gives_that_share_and_comes_round_to_every_sample() {
        let data = discs(16);
        let mixed = Data { train: vec![data.train[0].clone(), data.train[0].clone()], val: data.val };
        let recipe = recipe(&[]).unwrap();
        let loaders = training_loaders(&recipe, &mixed, 0, Share::WHOLE).unwrap();
        let mut stream = Stream::new(&loaders, &[1.0, 0.5], 0);
        // 4 batches and half of 4, spread evenly
        assert_eq!(stream.order(), [0, 1, 0, 0, 1, 0]);
        let mut second: Vec<String> = Vec::new();
        for _ in 0..2 {
            for source in stream.order() {
                let batch = stream.next(source).unwrap();
                if source == 1 {
                    second.extend(batch.items.into_iter().map(|i| i.id));
                }
            }
        }
        second.sort();
        second.dedup();
        assert_eq!(second.len(), 16, "two halves of an epoch are not the whole");
    }

    #[test]
    fn a_stream_that_goes_on_later_gives_the_same() {
        let data = discs(13);
        let mixed = Data { train: vec![data.train[0].clone(), data.train[0].clone()], val: data.val };
        let loaders = training_loaders(&recipe(&[]).unwrap(), &mixed, 0, Share::WHOLE).unwrap();
        let weights = [1.0, 0.7];
        let whole = ids(&mut Stream::new(&loaders, &weights, 0), 5);
        for done in 1..5 {
            assert_eq!(ids(&mut Stream::new(&loaders, &weights, done), 5 - done), whole[done..]);
        }
    }
}

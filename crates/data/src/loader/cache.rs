//! Prepared samples, kept as long as their pictures fit into a given amount of memory.

use crate::sample::Sample;
use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

/// What a sample takes beside its picture: names and points, roughly.
const OVERHEAD: usize = 2048;

/// Keeps what comes first and stops when full: every epoch asks for everything once, where throwing out old ones would
/// throw out all.
pub(super) struct Cache {
    limit: usize,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    samples: HashMap<usize, Sample>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: RwLock::default() }
    }

    pub(super) fn get(&self, index: usize) -> Option<Sample> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).samples.get(&index).cloned()
    }

    pub(super) fn insert(&self, index: usize, sample: &Sample) {
        let bytes = sample.image.as_raw().len() + OVERHEAD;
        if bytes > self.limit {
            return;
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes <= self.limit && kept.samples.insert(index, sample.clone()).is_none() {
            kept.bytes += bytes;
        }
    }
}

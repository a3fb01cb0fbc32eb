//! A count of what goes on at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many there are.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<AtomicUsize>);

/// One of them, until it is dropped.
pub(super) struct Counted(Counter);

impl Counter {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// One more.
    pub(super) fn add(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

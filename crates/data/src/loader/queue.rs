//! Worker threads that make the samples of an epoch, a few batches ahead of the consumer, in order.

use super::{
    batch::{Batch, Part},
    epoch::Epoch,
};
use crate::error::{Error, Result};
use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// Batches that workers are making.
pub(super) struct Queue {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    total: usize,
    taken: usize,
    /// An error ends the epoch.
    failed: bool,
}

struct Shared {
    epoch: Epoch,
    /// Batches that may be started before the first of them is taken.
    ahead: usize,
    state: Mutex<State>,
    /// Something was taken, finished or stopped.
    changed: Condvar,
}

struct State {
    /// The next part to make: batch, part.
    next: (usize, usize),
    /// Batches taken so far.
    taken: usize,
    started: BTreeMap<usize, Parts>,
    ready: BTreeMap<usize, Result<Batch>>,
    stopped: bool,
    /// Workers that run.
    alive: usize,
}

/// The parts of one batch.
struct Parts {
    done: Vec<Option<Result<Part>>>,
    left: usize,
}

impl Queue {
    /// Starts `workers` threads.
    pub(super) fn start(epoch: Epoch, workers: usize) -> Self {
        let workers = workers.max(1);
        let total = epoch.sizes().len();
        let state = State {
            next: (0, 0),
            taken: 0,
            started: BTreeMap::new(),
            ready: BTreeMap::new(),
            stopped: false,
            alive: workers,
        };
        let shared = Arc::new(Shared { epoch, ahead: 2 * workers, state: Mutex::new(state), changed: Condvar::new() });
        let mut threads = Vec::with_capacity(workers);
        for i in 0..workers {
            let mine = Arc::clone(&shared);
            match std::thread::Builder::new().name(format!("loader {i}")).spawn(move || mine.work()) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    // Those that did start make all the batches.
                    tracing::warn!("loader worker {i} did not start: {error}");
                    shared.lock().alive -= 1;
                }
            }
        }
        Self { shared, workers: threads, total, taken: 0, failed: false }
    }
}

impl Iterator for Queue {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.taken == self.total {
            return None;
        }
        let mut state = self.shared.lock();
        let result = loop {
            if let Some(result) = state.ready.remove(&self.taken) {
                break result;
            }
            if state.alive == 0 {
                break Err(Error::Invalid("no loader worker is running".into()));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        self.taken += 1;
        state.taken = self.taken;
        self.failed = result.is_err();
        state.stopped |= self.failed;
        drop(state);
        self.shared.changed.notify_all();
        Some(result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = if self.failed { 0 } else { self.total - self.taken };
        (0, Some(left))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Its panics were caught and delivered.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some((batch, part)) = self.begin() {
            let made = caught(|| self.epoch.part(batch, part));
            let Some(parts) = self.finish(batch, part, made) else { continue };
            // The first error in the order of the batch, so that it does not depend on who was quicker.
            let whole = parts.into_iter().collect::<Result<Vec<_>>>().and_then(|p| caught(|| self.epoch.whole(p)));
            self.lock().ready.insert(batch, whole);
            self.changed.notify_all();
        }
        self.lock().alive -= 1;
        self.changed.notify_all();
    }

    /// Waits until a part may be started; `None` when there are no more.
    fn begin(&self) -> Option<(usize, usize)> {
        let sizes = self.epoch.sizes();
        let mut state = self.lock();
        loop {
            let (batch, part) = state.next;
            if state.stopped || batch >= sizes.len() {
                return None;
            }
            if batch < state.taken + self.ahead {
                let size = sizes[batch];
                state.next = if part + 1 < size { (batch, part + 1) } else { (batch + 1, 0) };
                state
                    .started
                    .entry(batch)
                    .or_insert_with(|| Parts { done: (0..size).map(|_| None).collect(), left: size });
                return Some((batch, part));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts a part in its place; all parts when it was the last one.
    fn finish(&self, batch: usize, part: usize, made: Result<Part>) -> Option<Vec<Result<Part>>> {
        let mut state = self.lock();
        let parts = state.started.get_mut(&batch)?;
        parts.done[part] = Some(made);
        parts.left -= 1;
        if parts.left > 0 {
            return None;
        }
        state.started.remove(&batch).map(|parts| parts.done.into_iter().flatten().collect())
    }
}

/// A panic becomes an error: a worker that just died would leave the others waiting for its part.
fn caught<T>(make: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(make))
        .unwrap_or_else(|panic| Err(Error::Invalid(format!("a loader worker panicked: {}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

//! What watches a run: the log, or a progress bar of the caller's.

mod log;

pub use log::Log;

use facekp_eval::run_files::EpochRecord;
use std::path::Path;

/// What lies before a run that starts or is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// Epochs in all.
    pub epochs: usize,
    /// Batches in each.
    pub steps_per_epoch: usize,
    /// Epochs that are done already.
    pub done: usize,
}

/// Hears of what happens; the order is `start`, (`step`*, `wrote`*, `epoch`)*, `finish`.
pub trait Observer {
    /// Before the first step.
    fn start(&mut self, _plan: &Plan) {}
    /// After the batch of a step: samples in it and its loss, where that was read back.
    fn step(&mut self, _samples: usize, _loss: Option<f64>) {}
    /// Asked after each step: whether the run should end now. What its last epoch left is whole, and a run can go on
    /// from there.
    fn stops(&mut self) -> bool {
        false
    }
    /// After each file that is written into the run folder or renamed there.
    fn wrote(&mut self, _run: &Path) {}
    /// After an epoch.
    fn epoch(&mut self, _record: &EpochRecord) {}
    /// At the end.
    fn finish(&mut self) {}
}

//! Epochs as lines in the log, for runs without a terminal.

use super::{Observer, Plan};
use facekp_eval::run_files::EpochRecord;

/// Writes through `tracing`, target `facekp_train`.
#[derive(Debug, Default)]
pub struct Log {
    name: String,
    epochs: usize,
    samples: usize,
}

impl Observer for Log {
    fn start(&mut self, plan: &Plan) {
        let Plan { name, epochs, steps_per_epoch, done } = plan;
        (self.name, self.epochs) = (name.clone(), *epochs);
        let from = if *done > 0 { format!(", resumed after epoch {done}") } else { String::new() };
        tracing::info!("{name}: {epochs} epochs of {steps_per_epoch} steps{from}");
    }
    fn step(&mut self, samples: usize, _loss: Option<f64>) {
        self.samples += samples;
    }
    fn epoch(&mut self, r: &EpochRecord) {
        let rate = self.samples as f64 / r.seconds.max(1e-9);
        let left = r.seconds * self.epochs.saturating_sub(r.epoch) as f64;
        self.samples = 0;
        tracing::info!("{}: epoch {}/{}: {r}, {rate:.1} pictures/s, {left:.0} s left", self.name, r.epoch, self.epochs);
    }
}

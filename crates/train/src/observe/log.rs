//! Epochs as lines in the log, for runs without a terminal.

use super::{EpochRecord, Observer, line};

/// Writes through `tracing`, target `facekp_train`.
#[derive(Debug, Default)]
pub struct Log {
    name: String,
    epochs: usize,
    samples: usize,
}

impl Observer for Log {
    fn start(&mut self, name: &str, epochs: usize, steps_per_epoch: usize, first_epoch: usize) {
        (self.name, self.epochs) = (name.to_owned(), epochs);
        let from = if first_epoch > 0 { format!(", resumed after epoch {first_epoch}") } else { String::new() };
        tracing::info!("{name}: {epochs} epochs of {steps_per_epoch} steps{from}");
    }
    fn step(&mut self, samples: usize, _loss: Option<f64>) {
        self.samples += samples;
    }
    fn epoch(&mut self, r: &EpochRecord) {
        let rate = self.samples as f64 / r.seconds.max(1e-9);
        let left = r.seconds * self.epochs.saturating_sub(r.epoch) as f64;
        self.samples = 0;
        tracing::info!(
            "{}: epoch {}/{}: {}, {rate:.1} pictures/s, {:.0} s left",
            self.name,
            r.epoch,
            self.epochs,
            line(r),
            left
        );
    }
}

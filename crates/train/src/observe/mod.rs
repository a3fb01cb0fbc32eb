//! What watches a run: progress bars, the log, the history file.

pub mod history;
mod log;
mod progress;

pub use facekp_eval::run_files::EpochRecord;
pub use log::Log;
pub use progress::Progress;

/// Told of what happens; the order is `start`, (`step`*, `epoch`)*, `finish`.
pub trait Observer {
    /// Before the first step.
    fn start(&mut self, _name: &str, _epochs: usize, _steps_per_epoch: usize, _first_epoch: usize) {}
    /// After the batch of a step: samples in it and its loss, where that was read back.
    fn step(&mut self, _samples: usize, _loss: Option<f64>) {}
    /// After an epoch.
    fn epoch(&mut self, _record: &EpochRecord) {}
    /// At the end.
    fn finish(&mut self) {}
}

/// The epoch in one line, for bars and logs.
fn line(r: &EpochRecord) -> String {
    let nme = if r.val_nme.is_finite() { format!(", NME {:.4}", r.val_nme) } else { String::new() };
    let px = if r.val_px.is_finite() { format!(", {:.2} px", r.val_px) } else { String::new() };
    format!("loss {:.5}, validation {:.5}{px}{nme}", r.train_loss, r.val_loss)
}

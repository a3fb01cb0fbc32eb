//! A progress bar on standard error: the epoch's steps, loss, validation error, pictures per second, time left of the
//! whole run.

use facekp_eval::run_files::EpochRecord;
use facekp_train::{Observer, Plan};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// The bar of a run; invisible where standard error is not a terminal.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    name: String,
    epochs: usize,
    epoch: usize,
    /// Of the last epoch that was validated.
    last: String,
    samples: usize,
    loss: Mean,
    since: Option<Instant>,
    /// How long whole epochs take, validation and all.
    seconds: Mean,
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }
    fn get(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl Progress {
    fn show(&self) {
        let Some(bar) = &self.bar else { return };
        let elapsed = self.since.map_or(0.0, |t| t.elapsed().as_secs_f64());
        let part = bar.position() as f64 / bar.length().unwrap_or(1).max(1) as f64;
        let rate =
            if elapsed > 0.0 { format!("{:.0} pictures/s", self.samples as f64 / elapsed) } else { String::new() };
        // before the first epoch is over, its steps so far tell its length
        let an_epoch = self.seconds.get().or_else(|| (part > 0.0).then(|| elapsed / part));
        let left = an_epoch.map_or_else(String::new, |s| {
            let epochs = self.epochs.saturating_sub(self.epoch) as f64 - part;
            format!("{} left", clock(Duration::from_secs_f64((s * epochs).max(0.0))))
        });
        let loss = self.loss.get().map_or_else(String::new, |l| format!("loss {l:.5}, "));
        bar.set_prefix(format!("{} {}/{}", self.name, (self.epoch + 1).min(self.epochs), self.epochs));
        bar.set_message(format!("{loss}{rate}, {left}{}", self.last));
    }
}

fn clock(d: Duration) -> String {
    let s = d.as_secs();
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

impl Observer for Progress {
    fn start(&mut self, plan: &Plan) {
        let bar = ProgressBar::new(plan.steps_per_epoch as u64);
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}") {
            bar.set_style(style);
        }
        let (name, epochs, epoch) = (plan.name.clone(), plan.epochs, plan.done);
        *self = Self { bar: Some(bar), name, epochs, epoch, ..Self::default() };
        self.since = Some(Instant::now());
        self.show();
    }
    fn step(&mut self, samples: usize, loss: Option<f64>) {
        self.since.get_or_insert_with(Instant::now);
        self.samples += samples;
        if let Some(loss) = loss {
            self.loss.add(loss);
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        self.show();
    }
    fn epoch(&mut self, record: &EpochRecord) {
        self.epoch = record.epoch;
        self.seconds.add(record.seconds);
        self.last = format!(" | epoch {}: {record}", record.epoch);
        (self.samples, self.loss, self.since) = (0, Mean::default(), None);
        if let Some(bar) = &self.bar {
            bar.set_position(0);
        }
        self.show();
    }
    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn says_loss_error_and_time_left() {
        let mut p = Progress::default();
        p.start(&Plan { name: "nose".into(), epochs: 3, steps_per_epoch: 4, done: 1 });
        p.step(8, Some(0.5));
        p.step(8, Some(0.25));
        assert_eq!(p.bar.as_ref().unwrap().prefix(), "nose 2/3");
        let message = p.bar.as_ref().unwrap().message();
        assert!(
            message.contains("loss 0.37500") && message.contains("pictures/s") && message.contains("left"),
            "{message}"
        );
        let record = EpochRecord {
            epoch: 2,
            train_loss: 0.4,
            val_loss: 0.3,
            val_nme: 0.051,
            val_px: 4.2,
            lr: 1e-3,
            total_epochs: None,
            seconds: 60.0,
        };
        p.epoch(&record);
        let message = p.bar.as_ref().unwrap().message();
        assert!(message.contains("1:00 left") && message.contains("4.20 px, NME 0.0510"), "{message}");
        p.finish();
    }

    #[test]
    fn clocks() {
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(clock(Duration::from_secs(3725)), "1:02:05");
    }
}

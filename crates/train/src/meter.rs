//! The mean loss of an epoch.

use crate::error::{Error, Result};
use candle_core::{Device, Tensor};

/// Steps between read-backs of the loss on devices where each is a sync point.
const READ_EVERY: usize = 20;

/// The mean loss over samples, kept on the device between read-backs.
pub(crate) struct Meter<'a> {
    name: &'a str,
    epoch: usize,
    /// Whether the losses are those of training, of which errors name the step.
    trains: bool,
    read_every: usize,
    pending: Option<Tensor>,
    /// Steps, and samples in those not read yet.
    waiting: (usize, usize),
    sum: f64,
    samples: usize,
    steps: usize,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(device: &Device, name: &'a str, epoch: usize) -> Self {
        let read_every = if device.is_cpu() { 1 } else { READ_EVERY };
        Self { name, epoch, trains: true, read_every, pending: None, waiting: (0, 0), sum: 0.0, samples: 0, steps: 0 }
    }

    /// The losses of a validation behind the epoch.
    pub(crate) fn validation(device: &Device, name: &'a str, epoch: usize) -> Self {
        Self { trains: false, ..Self::new(device, name, epoch) }
    }

    /// Adds a batch's loss; where it is read back now, the mean since the last time.
    pub(crate) fn add(&mut self, loss: &Tensor, samples: usize) -> Result<Option<f64>> {
        let weighted = (loss.detach() * samples as f64)?;
        self.pending = Some(match self.pending.take() {
            Some(sum) => (sum + weighted)?,
            None => weighted,
        });
        self.waiting = (self.waiting.0 + 1, self.waiting.1 + samples);
        self.steps += 1;
        if self.waiting.0 < self.read_every { Ok(None) } else { self.read() }
    }

    fn read(&mut self) -> Result<Option<f64>> {
        let Some(pending) = self.pending.take() else { return Ok(None) };
        // sync point
        let sum = f64::from(pending.to_scalar::<f32>()?);
        let mean = sum / self.waiting.1 as f64;
        if !mean.is_finite() {
            let (name, epoch, step) = (self.name.to_owned(), self.epoch, self.trains.then_some(self.steps));
            return Err(Error::Diverged { name, epoch, step, loss: mean });
        }
        self.sum += sum;
        self.samples += self.waiting.1;
        self.waiting = (0, 0);
        Ok(Some(mean))
    }

    pub(crate) fn finish(mut self) -> Result<f64> {
        self.read()?;
        Ok(self.sum / self.samples as f64)
    }
}

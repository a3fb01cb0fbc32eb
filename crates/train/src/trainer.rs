//! A network in training: one epoch of steps, and its validation.

use crate::{
    batches::Stream,
    data::Data,
    error::{Error, Result},
    loss::Taken,
    observe::Observer,
    optim::{Ema, Gradients, Optimizer},
    recipe::Recipe,
    warm_start,
};
use candle_core::{Device, Tensor};
use candle_vision_helpers::{Size, ops};
use facekp_data::{Batch, Loader};
use facekp_eval::{
    Flip, Predictor, Summary,
    metrics::{FaceError, measure_all},
};
use facekp_models::{Codec, Params, Pass};
use std::collections::HashMap;

/// Steps between read-backs of the loss on devices where each is a sync point.
const READ_EVERY: usize = 20;

/// Everything that changes in training, and what it is changed by.
pub(crate) struct Trainer<'a> {
    recipe: &'a Recipe,
    pub(crate) params: Params,
    pub(crate) predictor: Predictor,
    optimizer: Optimizer,
    ema: Option<Ema>,
}

/// The codec and the size of the views that a loss is of.
type Seen<'a> = (&'a dyn Codec, Size);

/// What validation found.
pub(crate) struct Validation {
    /// Mean over the samples.
    pub loss: f64,
    /// Where errors were asked for and the network's output has points.
    pub errors: Option<Summary>,
}

impl<'a> Trainer<'a> {
    /// A network as it starts: seeded, with the mean shape, from other weights where the recipe says so.
    pub(crate) fn new(recipe: &'a Recipe, data: &Data, device: &Device) -> Result<Self> {
        let this = Self::blank(recipe, device)?;
        warm_start::mean_shape(recipe, data, &this.params)?;
        warm_start::weights(recipe, &this.params)?;
        // averages start from those weights
        let ema = averages(recipe, &this.params)?;
        Ok(Self { ema, ..this })
    }

    /// A network as it stands in a checkpoint.
    ///
    /// # Errors
    /// [`Error::Tensors`] says what the checkpoint lacks.
    pub(crate) fn resumed(
        recipe: &'a Recipe,
        device: &Device,
        tensors: &HashMap<String, Tensor>,
        steps: usize,
    ) -> Result<Self> {
        let part = |prefix: &str| -> HashMap<String, Tensor> {
            let below = tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_owned(), t.clone())));
            below.collect()
        };
        let mut this = Self::blank(recipe, device)?;
        let report = this.params.load(&part("trained."))?;
        if !report.is_clean() {
            return Err(Error::Tensors(report.to_string()));
        }
        this.optimizer.load(&part("optimizer."), steps)?;
        if let Some(ema) = &this.ema {
            ema.load(&part("averaged."))?;
        }
        Ok(this)
    }

    fn blank(recipe: &'a Recipe, device: &Device) -> Result<Self> {
        let (task, train) = (&recipe.task, &recipe.train);
        let params = Params::new(train.seed, device);
        let model = task.build(&params)?;
        let predictor = Predictor::new(task.clone(), model, device)?;
        let optimizer = Optimizer::new(&train.optimizer, &params.trainable(), &train.freeze, &train.lr_factors)?;
        let ema = averages(recipe, &params)?;
        Ok(Self { recipe, params, predictor, optimizer, ema })
    }

    /// Steps of the optimizer so far.
    pub(crate) fn steps(&self) -> usize {
        self.optimizer.steps()
    }

    /// Steps of the optimizer in an epoch of some batches.
    pub(crate) fn steps_of(&self, batches: usize) -> usize {
        batches.div_ceil(self.recipe.train.accumulate)
    }

    /// Trains for an epoch (from 0 on): the mean loss over its samples.
    pub(crate) fn train(
        &mut self,
        epoch: usize,
        stream: &mut Stream<'_>,
        observers: &mut [&mut dyn Observer],
    ) -> Result<f64> {
        let order = stream.order();
        let task = self.recipe.task_in(epoch);
        let (codec, view) = (task.codec()?, task.view.size());
        let mut meter = Meter::new(self.predictor.device(), &self.recipe.name, epoch + 1);
        for group in order.chunks(self.recipe.train.accumulate) {
            let mut gradients = Gradients::default();
            for &source in group {
                let batch = stream.next(source)?;
                let loss = self.add_gradients(&batch, (codec.as_ref(), view), &mut gradients)?;
                let seen = meter.add(&loss, batch.items.len())?;
                observers.iter_mut().for_each(|o| o.step(batch.items.len(), seen));
            }
            self.step(gradients, self.steps_of(order.len()))?;
            if observers.iter_mut().any(|o| o.stops()) {
                return Err(Error::Stopped { name: self.recipe.name.clone(), epoch: epoch + 1 });
            }
        }
        meter.finish()
    }

    fn add_gradients(&self, batch: &Batch, seen: Seen<'_>, gradients: &mut Gradients) -> Result<Tensor> {
        let tape = ops::Tape::start()?;
        let (loss, _) = self.loss(&self.predictor, batch, seen, Pass::Training)?;
        let mut store = tape.backward(&loss)?;
        gradients.add(&mut store, self.optimizer.params())?;
        Ok(loss.detach())
    }

    fn step(&mut self, gradients: Gradients, per_epoch: usize) -> Result<()> {
        let total = per_epoch * self.recipe.train.epochs;
        let lr = self.recipe.train.schedule.lr(self.steps(), total, per_epoch);
        self.optimizer.step(&gradients.finish(self.recipe.train.clip_norm)?, lr)?;
        self.ema.as_ref().map_or(Ok(()), |ema| ema.update(self.optimizer.steps()))
    }

    /// The loss of a batch and the network's output.
    fn loss(&self, p: &Predictor, batch: &Batch, (codec, view): Seen<'_>, pass: Pass) -> Result<(Tensor, Tensor)> {
        let output = p.forward(batch, pass)?;
        let (points, weights) = (batch.points.to_device(p.device())?, batch.weights.to_device(p.device())?);
        let of = Taken { output: &output, points: &points, weights: &weights, codec, view };
        let loss = self.recipe.train.loss.compute(&of)?;
        Ok((loss, output))
    }

    /// Validates the weights that are saved: the averaged ones where there are. Errors are measured when `measure`.
    pub(crate) fn validate(&self, epoch: usize, loader: &Loader, measure: bool) -> Result<Validation> {
        self.with_saved_weights(|| ops::no_grad(|| self.validate_as_is(epoch, loader, measure)))
    }

    fn validate_as_is(&self, epoch: usize, loader: &Loader, measure: bool) -> Result<Validation> {
        let fast = self.predictor.for_inference()?;
        let p = fast.as_ref().unwrap_or(&self.predictor);
        let (seen, has_points) = ((p.codec(), p.task().view.size()), p.has_points());
        let mut meter = Meter::new(self.predictor.device(), &self.recipe.name, epoch + 1);
        let mut errors = Vec::new();
        for batch in loader.epoch(0) {
            let batch = batch?;
            let (loss, output) = self.loss(p, &batch, seen, Pass::Inference)?;
            meter.add(&loss, batch.items.len())?;
            if measure && has_points {
                errors.extend(self.errors(p, &batch, &output)?);
            }
        }
        let split = self.recipe.data.val.split.name();
        let errors = if errors.is_empty() { None } else { Some(Summary::of(&errors, split)?) };
        Ok(Validation { loss: meter.finish()?, errors })
    }

    fn errors(&self, p: &Predictor, batch: &Batch, output: &Tensor) -> Result<Vec<FaceError>> {
        let found =
            if self.recipe.train.flip_test { p.predict_batch(batch, Flip::Averaged)? } else { p.read(output, batch)? };
        Ok(measure_all(&found)?)
    }

    fn with_saved_weights<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.ema {
            Some(ema) => ema.averaged(f),
            None => f(),
        }
    }

    /// The weights that are evaluated.
    pub(crate) fn saved_weights(&self) -> Vec<(String, Tensor)> {
        self.ema.as_ref().map_or_else(|| self.trained(), Ema::tensors)
    }

    fn trained(&self) -> Vec<(String, Tensor)> {
        self.params.all().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect()
    }

    /// Everything that [`Trainer::resumed`] needs.
    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let under = |prefix: &'static str, tensors: Vec<(String, Tensor)>| {
            tensors.into_iter().map(move |(name, t)| (format!("{prefix}.{name}"), t))
        };
        let averaged = self.ema.as_ref().map(Ema::tensors).unwrap_or_default();
        under("trained", self.trained())
            .chain(under("averaged", averaged))
            .chain(under("optimizer", self.optimizer.tensors()))
            .collect()
    }
}

fn averages(recipe: &Recipe, params: &Params) -> Result<Option<Ema>> {
    let decay = recipe.train.ema;
    (decay > 0.0).then(|| Ema::new(decay, &params.all())).transpose()
}

/// The mean loss over samples, kept on the device between read-backs.
struct Meter<'a> {
    name: &'a str,
    epoch: usize,
    read_every: usize,
    pending: Option<Tensor>,
    /// Steps, and samples in those not read yet.
    waiting: (usize, usize),
    sum: f64,
    samples: usize,
    steps: usize,
}

impl<'a> Meter<'a> {
    fn new(device: &Device, name: &'a str, epoch: usize) -> Self {
        let read_every = if device.is_cpu() { 1 } else { READ_EVERY };
        Self { name, epoch, read_every, pending: None, waiting: (0, 0), sum: 0.0, samples: 0, steps: 0 }
    }

    /// Adds a batch's loss; where it is read back now, the mean since the last time.
    fn add(&mut self, loss: &Tensor, samples: usize) -> Result<Option<f64>> {
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
            let (name, epoch, step) = (self.name.to_owned(), self.epoch, self.steps);
            return Err(Error::Diverged { name, epoch, step, loss: mean });
        }
        self.sum += sum;
        self.samples += self.waiting.1;
        self.waiting = (0, 0);
        Ok(Some(mean))
    }

    fn finish(mut self) -> Result<f64> {
        self.read()?;
        Ok(self.sum / self.samples as f64)
    }
}

//! A network in training: one epoch of steps, and its validation.

use crate::{
    batches::Stream,
    compute::Compute,
    data::Data,
    error::{Error, Result},
    loss::Taken,
    meter::Meter,
    observe::Observer,
    optim::{Ema, Gradients, Optimizer},
    ranks::{self, Team},
    recipe::Recipe,
    warm_start,
};
use candle_core::{Tensor, Var};
use candle_vision_helpers::{Size, ops};
use facekp_data::{Batch, Loader};
use facekp_eval::{
    Flip, Predictor, Summary,
    metrics::{FaceError, measure_all},
};
use facekp_models::{Codec, Params, Pass};
use std::collections::HashMap;

/// Everything that changes in training, and what it is changed by.
pub(crate) struct Trainer<'a> {
    recipe: &'a Recipe,
    pub(crate) params: Params,
    pub(crate) predictor: Predictor,
    optimizer: Optimizer,
    ema: Option<Ema>,
    team: Team,
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
    pub(crate) fn new(recipe: &'a Recipe, data: &Data, compute: &Compute<'_>) -> Result<Self> {
        let this = Self::blank(recipe, compute)?;
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
        compute: &Compute<'_>,
        tensors: &HashMap<String, Tensor>,
        steps: usize,
    ) -> Result<Self> {
        let part = |prefix: &str| -> HashMap<String, Tensor> {
            let below = tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_owned(), t.clone())));
            below.collect()
        };
        let mut this = Self::blank(recipe, compute)?;
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

    fn blank(recipe: &'a Recipe, compute: &Compute<'_>) -> Result<Self> {
        let (task, train, device) = (&recipe.task, &recipe.train, compute.device);
        let params = Params::new(train.seed, device);
        let model = task.build(&params)?;
        let predictor = Predictor::new(task.clone(), model, device)?;
        let optimizer = Optimizer::new(&train.optimizer, &params.trainable(), &train.freeze, &train.lr_factors)?;
        let ema = averages(recipe, &params)?;
        Ok(Self { recipe, params, predictor, optimizer, ema, team: compute.team.clone() })
    }

    /// Steps of the optimizer so far.
    pub(crate) fn steps(&self) -> usize {
        self.optimizer.steps()
    }

    /// Steps of the optimizer in an epoch of some batches.
    pub(crate) fn steps_of(&self, batches: usize) -> usize {
        batches.div_ceil(self.recipe.train.accumulate)
    }

    /// Trains for an epoch (from 0 on): the mean loss over its samples, those of all ranks.
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
                let (loss, samples) = self.of_all_ranks(loss, batch.items.len())?;
                let seen = meter.add(&loss, samples)?;
                observers.iter_mut().for_each(|o| o.step(samples, seen));
            }
            self.step(gradients, self.steps_of(order.len()))?;
            // one rank that is to stop stops all, behind the same step
            if self.team.any(observers.iter_mut().any(|o| o.stops()))? {
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

    /// The loss of a batch, to which each rank has its part, and its samples.
    fn of_all_ranks(&self, loss: Tensor, samples: usize) -> Result<(Tensor, usize)> {
        if self.team.count() == 1 {
            return Ok((loss, samples));
        }
        let mut sums = [f64::from(loss.to_scalar::<f32>()?), samples as f64];
        self.team.sum(&mut sums)?;
        Ok((Tensor::new(sums[0] as f32, loss.device())?, sums[1] as usize))
    }

    fn step(&mut self, mut gradients: Gradients, per_epoch: usize) -> Result<()> {
        let total = per_epoch * self.recipe.train.epochs;
        let lr = self.recipe.train.schedule.lr(self.steps(), total, per_epoch);
        gradients.add_ranks(&self.team)?;
        self.optimizer.step(&gradients.finish(self.recipe.train.clip_norm)?, lr)?;
        if !self.recipe.train.sync_batch_norm {
            ranks::average(&self.team, &self.buffers())?;
        }
        self.ema.as_ref().map_or(Ok(()), |ema| ema.update(self.optimizer.steps()))
    }

    /// The loss of a batch and the network's output.
    fn loss(&self, p: &Predictor, batch: &Batch, (codec, view): Seen<'_>, pass: Pass) -> Result<(Tensor, Tensor)> {
        // in validation nothing is summed over ranks: one of them has all
        let counted = if pass == Pass::Training { self.team.reduce() } else { None };
        let normalized = counted.clone().filter(|_| self.recipe.train.sync_batch_norm);
        let output = ops::reduced(normalized, || p.forward(batch, pass))?;
        let (points, weights) = (batch.points.to_device(p.device())?, batch.weights.to_device(p.device())?);
        let of = Taken { output: &output, points: &points, weights: &weights, codec, view };
        let loss = ops::reduced(counted, || self.recipe.train.loss.compute(&of))?;
        Ok((loss, output))
    }

    /// The variables that are not trained: running statistics.
    fn buffers(&self) -> Vec<Var> {
        let trainable: HashMap<String, Var> = self.params.trainable().into_iter().collect();
        self.params.all().into_iter().filter(|(name, _)| !trainable.contains_key(name)).map(|(_, var)| var).collect()
    }

    /// Validates the weights that are saved: the averaged ones where there are. Errors are measured when `measure`.
    pub(crate) fn validate(&self, epoch: usize, loader: &Loader, measure: bool) -> Result<Validation> {
        self.with_saved_weights(|| ops::no_grad(|| self.validate_as_is(epoch, loader, measure)))
    }

    fn validate_as_is(&self, epoch: usize, loader: &Loader, measure: bool) -> Result<Validation> {
        let fast = self.predictor.for_inference()?;
        let p = fast.as_ref().unwrap_or(&self.predictor);
        let (seen, has_points) = ((p.codec(), p.task().view.size()), p.has_points());
        let mut meter = Meter::validation(self.predictor.device(), &self.recipe.name, epoch + 1);
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

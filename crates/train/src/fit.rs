//! The training loop, readable aloud.

use crate::{
    batches::{Stream, training_loaders, validation_loader},
    begin::Begin,
    checkpoint::{BEST, Checkpoint, OPTIM, RunFolder, Saved, State},
    compute::Compute,
    data::{Data, Faces},
    digest::DataDigest,
    error::{Error, Result},
    leader,
    observe::{Observer, Plan},
    overlap,
    recipe::Recipe,
    trainer::{Trainer, Validation},
};
use candle_core::DType;
use facekp_eval::{
    CalibrationViews, Flip, Predictor, Summary,
    metrics::measure_all,
    run_files::{EpochRecord, Predictions},
};
use facekp_models::{Manifest, Origin, WeightsFile};
use std::{path::PathBuf, sync::Arc, time::Instant};

/// Result of a training run.
#[must_use]
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run folder.
    pub run: PathBuf,
    /// Epochs trained in all.
    pub epochs: usize,
    /// The epoch of the best checkpoint.
    pub best_epoch: usize,
    /// The best checkpoint on the validation split; `None` where the output has no points (the summed map), and on
    /// ranks that do not lead.
    pub validation: Option<Summary>,
}

/// Trains `recipe` on `data` as `begin` says, on a device or with several ranks, which all call this. A run that is
/// resumed continues from its last checkpoint to the same numbers as one that never stopped.
///
/// # Errors
/// When the folder holds another run or anything else, data cannot be read or is on both sides, the loss diverges, or
/// ranks do not fit each other. Where a rank fails the others wait for it: whoever started them ends them.
pub fn fit<'a>(
    recipe: &Recipe,
    data: &Data,
    compute: impl Into<Compute<'a>>,
    begin: &Begin,
    observers: &mut [&mut dyn Observer],
) -> Result<Outcome> {
    recipe.validate()?;
    let compute = &Compute::joined(compute.into())?;
    let (mut folder, saved) = match compute.team.leads() {
        true => RunFolder::open(recipe, begin).map(|(folder, saved)| (Some(folder), saved))?,
        false => (None, None),
    };
    let outcome = train(Run { recipe, data, compute, begin }, folder.as_mut(), saved, observers);
    if outcome.is_err() {
        observers.iter_mut().for_each(|o| o.finish());
        folder.iter().for_each(RunFolder::abandon);
    }
    let (state, validation) = outcome?;
    Ok(Outcome { run: begin.folder.clone(), epochs: state.epoch(), best_epoch: state.best_epoch, validation })
}

/// What a run is made of.
#[derive(Clone, Copy)]
struct Run<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    compute: &'a Compute<'a>,
    begin: &'a Begin,
}

/// Trains in an opened folder, which the rank that leads has: where the run stands at its end, and its errors.
fn train(
    run: Run<'_>,
    mut folder: Option<&mut RunFolder>,
    saved: Option<Saved>,
    observers: &mut [&mut dyn Observer],
) -> Result<(State, Option<Summary>)> {
    let Run { recipe, data, compute, begin } = run;
    let (train, team, share) = (&recipe.train, &compute.team, compute.team.share());
    let saved = leader::checkpoint(team, folder.as_deref(), saved)?;
    check_faces(recipe, data, saved.as_ref())?;
    let digest = DataDigest::of(data)?;
    leader::agree(team, "recipe", &recipe.to_toml()?)?;
    leader::agree(team, "data", &format!("{digest:?}"))?;
    let origin = Origin::of(digest.sha256());
    folder.as_mut().map_or(Ok(()), |f| f.trains_on(digest))?;
    let folder = folder.as_deref();
    let validation = validation_loader(recipe, data)?;
    let weight = |faces: &Faces| recipe.data.train.get(faces.source).map_or(1.0, |s| s.weight);
    let weights: Vec<f64> = data.train.iter().map(weight).collect();
    let steps_per_epoch = Stream::new(&training_loaders(recipe, data, 0, share)?, &weights, 0).batches();
    let resumed = saved.is_some();
    let (mut state, mut trainer, epochs) = match saved {
        None => (State::default(), Trainer::new(recipe, data, compute)?, train.epochs),
        Some(Saved { recipe: there, state, tensors, .. }) => {
            let trainer = Trainer::resumed(recipe, compute, &tensors, state.steps).map_err(|e| match e {
                Error::Tensors(reason) => Error::Run { path: begin.folder.join(OPTIM), reason },
                other => other,
            })?;
            (state, trainer, there.train.epochs)
        }
    };
    if let Some(folder) = folder {
        folder.prepare(recipe, begin.mode, resumed.then_some(&state)).map_err(|e| folder.unfinished(&e))?;
    }
    if epochs != train.epochs {
        let (name, to, seam) = (&recipe.name, train.epochs, train.schedule.at_a_seam());
        tracing::info!("{name}: {to} epochs instead of {epochs} from epoch {} on: {seam}", state.epoch() + 1);
        state.lengthen(epochs, to);
        if let Some(folder) = folder {
            folder.lengthen(recipe, &trainer.state(), &state).map_err(|e| folder.unfinished(&e))?;
        }
    }
    folder.iter().for_each(|folder| observers.iter_mut().for_each(|o| o.wrote(folder.dir())));
    let per_epoch = trainer.steps_of(steps_per_epoch);
    let plan = Plan { name: recipe.name.clone(), epochs: train.epochs, steps_per_epoch, done: state.epoch() };
    observers.iter_mut().for_each(|o| o.start(&plan));

    while !state.is_done(train) {
        let view = recipe.task_in(state.epoch()).view;
        let loaders = training_loaders(recipe, data, state.epoch(), share)?;
        let mut stream = Stream::new(&loaders, &weights, state.epoch());
        while !state.is_done(train) && recipe.task_in(state.epoch()).view == view {
            let (epoch, started) = (state.epoch(), Instant::now());
            let train_loss = trainer.train(epoch, &mut stream, observers)?;
            let measure = (epoch + 1) % train.validate_every == 0 || epoch + 1 == train.epochs;
            let found = if team.leads() { Some(trainer.validate(epoch, &validation, measure)?) } else { None };
            let lr = train.schedule.lr(trainer.steps().saturating_sub(1), per_epoch * train.epochs, per_epoch);
            let own = found.as_ref().map(|found| record(epoch + 1, train_loss, found, lr, started));
            let record = leader::record(team, epoch + 1, own)?;
            let best = if measure { state.take(record, trainer.steps()) } else { state.pass(record, trainer.steps()) };
            if let Some((folder, found)) = folder.zip(found) {
                let manifest = manifest(run, &origin, &record, found.errors.as_ref())?;
                let (weights, optim) = (trainer.saved_weights(), trainer.state());
                let checkpoint = Checkpoint { weights, manifest: &manifest, best, optim, state: &state };
                folder.commit(recipe, &checkpoint, &mut |run| observers.iter_mut().for_each(|o| o.wrote(run)))?;
            }
            observers.iter_mut().for_each(|o| o.epoch(&record));
        }
    }
    // bars go before results come
    observers.iter_mut().for_each(|o| o.finish());
    let validation = match folder {
        Some(folder) => evaluate_best(recipe, data, folder, trainer).map_err(|e| folder.unfinished(&e))?,
        None => None,
    };
    Ok((state, validation))
}

/// # Errors
/// When a new run would validate on faces that it trains on; one that was started so, before that was refused,
/// continues with a warning.
fn check_faces(recipe: &Recipe, data: &Data, saved: Option<&Saved>) -> Result<()> {
    if recipe.data.allow_overlap {
        return Ok(());
    }
    match overlap::refuse(data) {
        Err(e @ Error::Setting(_)) if saved.is_some_and(|s| s.about.data.is_none()) => {
            tracing::warn!("{e}");
            Ok(())
        }
        checked => checked,
    }
}

fn record(epoch: usize, train_loss: f64, found: &Validation, lr: f64, started: Instant) -> EpochRecord {
    let errors = found.errors.as_ref();
    EpochRecord {
        epoch,
        train_loss,
        val_loss: found.loss,
        val_nme: errors.and_then(|s| s.nme).unwrap_or(f64::NAN),
        val_px: errors.map_or(f64::NAN, |s| s.mean_px),
        lr,
        total_epochs: None,
        seconds: started.elapsed().as_secs_f64(),
    }
}

fn manifest(run: Run<'_>, origin: &Origin, record: &EpochRecord, errors: Option<&Summary>) -> Result<Manifest> {
    let Run { recipe, data, .. } = run;
    let measured = |of: fn(&Summary) -> Option<f64>| errors.and_then(of);
    let metrics = [
        ("val_loss", Some(record.val_loss)),
        ("val_mean_px", measured(|s| Some(s.mean_px))),
        ("val_median_px", measured(|s| Some(s.median_px))),
        ("val_nme", measured(|s| s.nme)),
    ];
    let describe = |f: &Faces| format!("{}; {} for training", f.dataset.describe(), f.indices.len());
    Ok(Manifest {
        name: recipe.name.clone(),
        task: recipe.task.clone(),
        recipe: recipe.to_toml()?,
        epoch: record.epoch,
        metrics: metrics.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect(),
        data: data.train.iter().map(describe).collect::<Vec<_>>().join(" + "),
        origin: Some(origin.clone()),
        calibration: None,
    })
}

/// Evaluates the best weights, as they stand in the file, into `eval.json` and `predictions.json`, and keeps in the
/// file what its maps say about its errors.
fn evaluate_best(recipe: &Recipe, data: &Data, folder: &RunFolder, trainer: Trainer<'_>) -> Result<Option<Summary>> {
    if !trainer.predictor.has_points() {
        return Ok(None);
    }
    let path = folder.path(BEST);
    let mut best = WeightsFile::read(&path)?;
    best.load_into(&path, &trainer.params)?;
    let Faces { dataset, indices, .. } = &data.val;
    let fast = trainer.predictor.for_inference()?;
    let predictor: &Predictor = fast.as_ref().unwrap_or(&trainer.predictor);
    let flip = Flip::from(recipe.train.flip_test);
    let predictions = predictor.predict_dataset(Arc::clone(dataset), indices, flip)?;
    let split = recipe.data.val.split.name();
    let summary = Summary::of(&measure_all(&predictions)?, split)?;
    Predictions::of(&recipe.task.scheme, &predictions, split).write(&folder.path("predictions.json"))?;
    summary.write(&folder.path("eval.json"))?;
    // errors on faces that it was trained on would promise too much
    if !recipe.data.allow_overlap && predictor.codec().target().is_some() {
        match predictor.calibrate(Arc::clone(dataset), indices, flip, &CalibrationViews::Plain) {
            Ok(found) => {
                best.manifest.calibration = Some(found);
                best.save(&path, DType::F32)?;
            }
            Err(e) => tracing::info!("{}: its points tell no expected errors: {e}", recipe.name),
        }
    }
    Ok(Some(summary))
}

#[cfg(test)]
mod tests;

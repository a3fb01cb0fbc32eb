//! What values a recipe may have.

use super::{Recipe, TrainConfig, load};
use crate::{Error, loss::LossConfig, optim::OptimizerConfig, schedule::ScheduleConfig};

/// A key whose value cannot be.
pub(super) struct Problem {
    key: String,
    reason: String,
}

impl Problem {
    /// The error of the override that set the key, else of the line where the key stands.
    pub(super) fn locate(self, file: &str, text: &str, overrides: &[String]) -> Error {
        let Self { key, reason } = self;
        let reason = format!("{key}: {reason}");
        let sets = |change: &&String| {
            let set = change.split('=').next().unwrap_or_default().trim();
            let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('.'));
            key == set || below(&key, set)
        };
        match overrides.iter().rev().find(sets) {
            Some(change) => load::override_error(change, reason),
            None => Error::Recipe { file: file.to_owned(), line: load::line_of(text, &key), reason },
        }
    }
}

type Check = Result<(), Problem>;

fn ensure(holds: bool, key: &'static str, expected: &str, got: impl std::fmt::Display) -> Check {
    if holds { Ok(()) } else { Err(Problem { key: key.to_owned(), reason: format!("expected {expected}, got {got}") }) }
}

/// What another crate says of a part of the recipe, `codec.stride: expected …`; `above` is where that part stands.
fn foreign(above: &str, error: &dyn std::fmt::Display) -> Problem {
    let message = error.to_string();
    let is_key = |k: &str| !k.is_empty() && k.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
    match message.split_once(": ") {
        Some((key, reason)) if is_key(key) => Problem { key: format!("{above}.{key}"), reason: reason.to_owned() },
        _ => Problem { key: above.to_owned(), reason: message },
    }
}

fn positive(key: &'static str, value: f64) -> Check {
    ensure(value.is_finite() && value > 0.0, key, "a number above 0", value)
}

fn not_negative(key: &'static str, value: f64) -> Check {
    ensure(value.is_finite() && value >= 0.0, key, "a number of 0 or more", value)
}

fn below_one(key: &'static str, value: f64) -> Check {
    ensure((0.0..1.0).contains(&value), key, "a number from 0 to below 1", value)
}

fn up_to_one(key: &'static str, value: f64) -> Check {
    ensure((0.0..=1.0).contains(&value), key, "a number from 0 to 1", value)
}

/// The first thing that is wrong.
pub(super) fn check(recipe: &Recipe) -> Check {
    let named = !recipe.name.is_empty() && recipe.name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    ensure(named, "name", "letters, digits, '_', '-' and '.'", format!("{:?}", recipe.name))?;
    data(recipe)?;
    recipe.task.validate().map_err(|e| foreign("task", &e))?;
    recipe.task.view.validate().map_err(|e| foreign("task", &e))?;
    train(&recipe.train)?;
    loss(&recipe.train.loss)?;
    recipe.train.loss.fits(&recipe.task.codec).map_err(|fitting| Problem {
        key: "train.loss.kind".to_owned(),
        reason: format!("expected a loss for the task's codec: {fitting}, got {:?}", recipe.train.loss),
    })?;
    optimizer(&recipe.train.optimizer)?;
    schedule(&recipe.train.schedule, recipe.train.epochs)?;
    recipe.train.augment.validate().map_err(|e| foreign("train", &e))
}

fn data(recipe: &Recipe) -> Check {
    let sources = &recipe.data.datasets;
    ensure(!sources.is_empty(), "data.datasets", "one dataset or more", "none")?;
    for source in sources {
        positive("data.datasets", source.weight)?;
        let wanted = recipe.task.scheme.name();
        let has = source.kind.scheme_name().unwrap_or(wanted);
        ensure(has == wanted, "task.scheme", &format!("{has:?}, as the dataset has"), format!("{wanted:?}"))?;
    }
    Ok(())
}

fn train(t: &TrainConfig) -> Check {
    ensure(t.epochs > 0, "train.epochs", "1 or more", t.epochs)?;
    ensure(t.batch > 0, "train.batch", "1 or more", t.batch)?;
    ensure(i64::try_from(t.seed).is_ok(), "train.seed", "a whole number below 2^63", t.seed)?;
    ensure(t.validate_every > 0, "train.validate_every", "1 or more", t.validate_every)?;
    ensure(t.accumulate > 0, "train.accumulate", "1 or more", t.accumulate)?;
    not_negative("train.clip_norm", t.clip_norm)?;
    below_one("train.ema", t.ema)?;
    t.lr_factors.values().try_for_each(|&f| not_negative("train.lr_factors", f))?;
    ensure(t.freeze.iter().all(|s| !s.is_empty()), "train.freeze", "starts of parameters' names", "an empty one")
}

fn loss(config: &LossConfig) -> Check {
    match *config {
        LossConfig::Mse | LossConfig::L1 | LossConfig::AdaptiveWing | LossConfig::BinaryCrossEntropy => Ok(()),
        LossConfig::SmoothL1 { beta } => positive("train.loss.beta", beta),
        LossConfig::Wing { omega, epsilon } => {
            positive("train.loss.omega", omega)?;
            positive("train.loss.epsilon", epsilon)
        }
        LossConfig::SoftWing { omega1, omega2, epsilon } => {
            positive("train.loss.omega1", omega1)?;
            positive("train.loss.omega2", omega2)?;
            positive("train.loss.epsilon", epsilon)
        }
        LossConfig::SoftmaxCrossEntropy { coordinate } => not_negative("train.loss.coordinate", coordinate),
    }
}

fn optimizer(config: &OptimizerConfig) -> Check {
    match *config {
        OptimizerConfig::Sgd { momentum, weight_decay, nesterov } => {
            below_one("train.optimizer.momentum", momentum)?;
            not_negative("train.optimizer.weight_decay", weight_decay)?;
            ensure(!nesterov || momentum > 0.0, "train.optimizer.nesterov", "a momentum above 0 with it", momentum)
        }
        OptimizerConfig::Adam { beta1, beta2, weight_decay }
        | OptimizerConfig::AdamW { beta1, beta2, weight_decay } => {
            below_one("train.optimizer.beta1", beta1)?;
            below_one("train.optimizer.beta2", beta2)?;
            not_negative("train.optimizer.weight_decay", weight_decay)
        }
    }
}

fn schedule(config: &ScheduleConfig, epochs: usize) -> Check {
    positive("train.schedule.lr", config.peak())?;
    match config {
        ScheduleConfig::Constant { warmup, .. } => warm_up(*warmup, epochs),
        ScheduleConfig::Step { epochs: falls, factor, warmup, .. } => {
            positive("train.schedule.factor", *factor)?;
            let rising = falls.is_sorted_by(|a, b| a < b);
            ensure(rising, "train.schedule.epochs", "rising numbers", format!("{falls:?}"))?;
            warm_up(*warmup, epochs)
        }
        ScheduleConfig::Cosine { lr, end, warmup } => {
            let fits = (0.0..=*lr).contains(end);
            ensure(fits, "train.schedule.end", &format!("a number from 0 to lr ({lr})"), end)?;
            warm_up(*warmup, epochs)
        }
        ScheduleConfig::OneCycle { rise, .. } => up_to_one("train.schedule.rise", *rise),
    }
}

fn warm_up(warmup: f64, epochs: usize) -> Check {
    let fits = (0.0..epochs as f64).contains(&warmup);
    ensure(fits, "train.schedule.warmup", &format!("from 0 to below the {epochs} epochs"), warmup)
}

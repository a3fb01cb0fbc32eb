//! What the parts of a recipe say of themselves, and what they must be to each other.

use super::{Recipe, TrainConfig};
use candle_vision_helpers::{
    Wrong,
    wrong::{ensure, ensure_below_one, ensure_not_negative},
};
use facekp_data::Split;

/// Beyond these, the steps of an epoch or of a run are more than memory holds and numbers count.
const MOST_WEIGHT: f64 = 1000.0;
const MOST_EPOCHS: usize = 1_000_000;

impl Recipe {
    /// Checks every value on its own and against the others.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self) -> Result<(), Wrong> {
        let Self { name, data, task, train } = self;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        ensure("name", format_args!("{name:?}"), "letters, digits, '_', '-' and '.'", |_| plain)?;
        ensure("data.train", data.train.len(), "one dataset or more", |&n| n > 0)?;
        for (i, source) in data.train.iter().enumerate() {
            let (at, expected) = (format!("data.train.{i}.weight"), format!("a number above 0, at most {MOST_WEIGHT}"));
            ensure(&at, source.weight, expected, |w| *w > 0.0 && *w <= MOST_WEIGHT)?;
        }
        let sure = data.train.iter().any(|s| !s.optional);
        ensure("data.train", format_args!("optional ones alone"), "one dataset that is not optional", |_| sure)?;
        if data.fold.is_some() {
            ensure("data.val.split", data.val.split.name(), "val beside data.fold", |_| data.val.split == Split::Val)?;
        }
        task.validate().map_err(|w| w.below("task"))?;
        train.validate().map_err(|w| w.below("train"))?;
        if let Some(small) = train.small_first {
            small.validate(task).map_err(|w| w.below("train"))?;
        }
        train.loss.fits(&task.codec).map_err(|w| w.below("train.loss"))
    }
}

impl TrainConfig {
    /// Checks every number, also those of the loss, the optimizer, the schedule and the augmentation.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self) -> Result<(), Wrong> {
        let counts = [
            ("epochs", self.epochs),
            ("batch", self.batch),
            ("validate_every", self.validate_every),
            ("accumulate", self.accumulate),
        ];
        counts.into_iter().try_for_each(|(at, count)| ensure(at, count, "1 or more", |&n| n > 0))?;
        ensure("epochs", self.epochs, format_args!("{MOST_EPOCHS} at most"), |&n| n <= MOST_EPOCHS)?;
        ensure("seed", self.seed, "a whole number below 2^63", |&seed| i64::try_from(seed).is_ok())?;
        ensure_not_negative("clip_norm", self.clip_norm)?;
        ensure_below_one("ema", self.ema)?;
        self.lr_factors.values().try_for_each(|&factor| ensure_not_negative("lr_factors", factor))?;
        self.freeze.iter().try_for_each(|s| {
            ensure("freeze", format_args!("{s:?}"), "starts of parameters' names", |_| !s.is_empty())
        })?;
        self.loss.validate().map_err(|w| w.below("loss"))?;
        self.optimizer.validate().map_err(|w| w.below("optimizer"))?;
        self.schedule.validate(self.epochs).map_err(|w| w.below("schedule"))?;
        self.augment.validate().map_err(|w| w.below("augment"))
    }
}

//! Recipes: TOML, unknown keys refused; parsed, then validated, then run.

mod built_in;
mod check;
mod difference;
mod layers;
mod list;
mod load;
mod old_form;
mod small_first;

pub use list::{About, Chain, Link, StandIn};
pub use small_first::SmallFirst;

use crate::error::{Error, Result};
use facekp_data::{
    Augment, Dataset, Scheme, Split,
    datasets::fold::{Fold, hold_out},
    open_dataset,
};
use facekp_models::Task;
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The run's name.
    pub name: String,
    /// The data to train and validate on.
    pub data: DataConfig,
    /// Scheme, view, codec, network.
    pub task: Task,
    /// How it is trained.
    pub train: TrainConfig,
}

/// The data to train and validate on; folders below the data folder, recognised by what they hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Trained on, all of them.
    pub train: Vec<Source>,
    /// Validated on.
    pub val: Part,
    /// Lets validation faces be trained on, too: the errors then say what was memorized, not what is known of new
    /// faces.
    #[serde(default, skip_serializing_if = "is_off")]
    pub allow_overlap: bool,
    /// Validates on one of several equal parts of the training faces of `val`'s dataset, and trains on the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
}

impl DataConfig {
    /// The dataset that is validated on, below `dir`, with the points of `scheme`.
    ///
    /// # Errors
    /// As [`open_dataset`], and when it has fewer people or pictures than folds.
    pub fn open_val(&self, dir: &Path, scheme: &Arc<Scheme>) -> Result<Arc<dyn Dataset>> {
        let set = open_dataset(dir, Some(&self.val.path), scheme)?;
        Ok(Arc::from(match self.fold {
            Some(fold) => hold_out(set, fold)?,
            None => set,
        }))
    }
}

/// One dataset in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its folder or pack, as [`facekp_data::open_dataset`] finds it.
    pub path: String,
    /// The part that is trained on.
    pub split: Split,
    /// How often each of its samples occurs in an epoch, on average.
    #[serde(default = "one")]
    pub weight: f64,
    /// Whether it may be missing: it is left out then.
    #[serde(default, skip_serializing_if = "is_off")]
    pub optional: bool,
}

/// A split of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its folder or pack, as [`facekp_data::open_dataset`] finds it.
    pub path: String,
    /// Which part of it.
    pub split: Split,
}

fn is_off(switch: &bool) -> bool {
    !switch
}

fn on() -> bool {
    true
}

fn is_on(switch: &bool) -> bool {
    *switch
}

fn one() -> f64 {
    1.0
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training samples.
    pub epochs: usize,
    /// Samples per step; where several ranks train, those of all together.
    pub batch: usize,
    /// Seed of all random choices.
    pub seed: u64,
    /// The loss.
    pub loss: crate::loss::LossConfig,
    /// The optimizer.
    pub optimizer: crate::optim::OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: crate::schedule::ScheduleConfig,
    /// Changes of the views in training.
    #[serde(default)]
    pub augment: Augment,
    /// Largest global norm of the gradients; 0 turns clipping off.
    #[serde(default)]
    pub clip_norm: f64,
    /// Decay of the averaged weights that are evaluated and saved, per step; 0 turns averaging off.
    #[serde(default)]
    pub ema: f64,
    /// Stops after this many epochs without a better validation error; 0 never.
    #[serde(default)]
    pub patience: usize,
    /// Validates every so many epochs (and after the last one).
    #[serde(default = "one_epoch")]
    pub validate_every: usize,
    /// Weights to start from: a file, a run folder or a name in `weights/`; what matches by name and shape is taken.
    /// Empty: none.
    #[serde(default)]
    pub init_from: Option<String>,
    /// Parameters whose names start with one of these stay as they are.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// Factors of the learning rate by the start of the parameter's name.
    #[serde(default)]
    pub lr_factors: std::collections::BTreeMap<String, f64>,
    /// Batches whose gradients are added up before one step of the optimizer.
    #[serde(default = "one_epoch")]
    pub accumulate: usize,
    /// Averages predictions with the mirrored picture in validation.
    #[serde(default)]
    pub flip_test: bool,
    /// Whether several ranks take the statistics of batch normalization over the whole batch, as one process does, or
    /// each over its own part.
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub sync_batch_norm: bool,
    /// Smaller views for the first epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_first: Option<SmallFirst>,
}

fn one_epoch() -> usize {
    1
}

impl Recipe {
    /// A built-in recipe by name, or a TOML file, with `key=value` overrides (`train.epochs=3`), validated.
    ///
    /// # Errors
    /// One line: file, line, expected, got.
    pub fn load(name_or_file: &str, overrides: &[String]) -> Result<Self> {
        Self::load_profile(name_or_file, None, overrides)
    }

    /// As [`Recipe::load`], with what the recipe's table `[profile.NAME]` changes.
    ///
    /// # Errors
    /// As [`Recipe::load`], and when the recipe has no such profile.
    pub fn load_profile(name_or_file: &str, profile: Option<&str>, overrides: &[String]) -> Result<Self> {
        load::load(name_or_file, profile, overrides).map(|(_, recipe)| recipe)
    }

    /// A recipe from its text; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Self> {
        load::parse(file, text, None, overrides).map(|(_, recipe)| recipe)
    }

    /// The names of the built-in recipes.
    pub fn built_in() -> Vec<&'static str> {
        built_in::BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// The resolved recipe as TOML, without a base or profiles.
    ///
    /// # Errors
    /// Never for a recipe that was loaded.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::setting(&self.name, "what TOML can hold", e))
    }
}

#[cfg(test)]
mod tests;

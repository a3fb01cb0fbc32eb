//! Recipes: TOML, unknown keys refused; parsed, then validated, then run.

mod load;
mod validate;

use crate::{Error, Result};
use facekp_data::{Augment, DatasetKind, Split};
use facekp_models::Task;
use serde::{Deserialize, Serialize};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The run's name.
    pub name: String,
    /// Trained and validated on what.
    pub data: DataConfig,
    /// Scheme, view, codec, network.
    pub task: Task,
    /// How.
    pub train: TrainConfig,
}

/// Trained and validated on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The first one validates; all are trained on.
    pub datasets: Vec<Source>,
    /// The validation split of the first dataset.
    pub val: Split,
    /// Lets validation faces be trained on, too: the errors then say what was learned by heart, not what is known of
    /// new faces.
    #[serde(default, skip_serializing_if = "is_off")]
    pub allow_overlap: bool,
}

/// One dataset in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which.
    pub kind: DatasetKind,
    /// The part that is trained on.
    pub train: Split,
    /// How often each of its samples occurs in an epoch, on average.
    #[serde(default = "one")]
    pub weight: f64,
}

fn is_off(switch: &bool) -> bool {
    !switch
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
    /// Samples a step.
    pub batch: usize,
    /// All that chance depends on.
    pub seed: u64,
    /// See [`crate::loss`].
    pub loss: crate::loss::LossConfig,
    /// See [`crate::optim`].
    pub optimizer: crate::optim::OptimizerConfig,
    /// See [`crate::schedule`].
    pub schedule: crate::schedule::ScheduleConfig,
    /// Changes of the views in training.
    #[serde(default)]
    pub augment: Augment,
    /// Largest global norm of the gradients; 0 turns clipping off.
    #[serde(default)]
    pub clip_norm: f64,
    /// Decay of the averaged weights that are evaluated and saved, a step; 0 turns averaging off.
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
    /// Batches whose gradients are added up before one step of the optimiser.
    #[serde(default = "one_epoch")]
    pub accumulate: usize,
    /// Averages predictions with the mirrored picture in validation.
    #[serde(default)]
    pub flip_test: bool,
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
        let (file, text) = load::source(name_or_file)?;
        Self::parse(&file, &text, overrides)
    }

    /// A recipe from its text; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Self> {
        let recipe = load::parse(file, text, overrides)?;
        recipe.check().map_err(|wrong| load::locate(&wrong, file, text, overrides))?;
        Ok(recipe)
    }

    /// Checks every value on its own and against the others.
    ///
    /// # Errors
    /// The first key that cannot be, what was expected and what it is.
    pub fn validate(&self) -> Result<()> {
        self.check().map_err(|wrong| load::locate(&wrong, &self.name, "", &[]))
    }

    /// The names of the built-in recipes.
    pub fn built_in() -> Vec<&'static str> {
        load::BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// The resolved recipe as TOML.
    ///
    /// # Errors
    /// Never for a recipe that was loaded.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::setting(&self.name, "what TOML can hold", e))
    }

    /// The first key whose value differs in `other`: `train.epochs: 3 there, 4 here`.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        load::first_difference(self, other)
    }
}

#[cfg(test)]
mod tests;

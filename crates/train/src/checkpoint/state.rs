//! Where a run stands, and how the optimizer's file says it.

use super::OPTIM;
use crate::{
    digest::DataDigest,
    error::{Error, Result},
    history::{self, Seam},
    recipe::{Recipe, TrainConfig},
};
use candle_core::{DType, Device, Tensor};
use facekp_eval::run_files::EpochRecord;
use facekp_models::weights;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, path::Path};

const STATE_KEY: &str = "facekp_run";
const FORMAT: u32 = 1;

/// Where a run stands after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Steps of the optimizer so far.
    pub steps: usize,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch of the best weights; 0 before the first.
    pub best_epoch: usize,
    /// Validation error at `best_epoch`.
    pub best_error: f64,
    /// Validated epochs since without a better one.
    pub stale: usize,
    /// Where the run was given another number of epochs.
    pub seams: Vec<Seam>,
}

impl Default for State {
    fn default() -> Self {
        let (steps, best_epoch, stale) = (0, 0, 0);
        Self { steps, history: Vec::new(), best_epoch, best_error: f64::INFINITY, stale, seams: Vec::new() }
    }
}

impl State {
    /// Epochs done.
    pub(crate) fn epoch(&self) -> usize {
        self.history.len()
    }

    /// Whether nothing is left to do: all epochs are done, or the run lost its patience.
    pub(crate) fn is_done(&self, train: &TrainConfig) -> bool {
        self.epoch() >= train.epochs || (train.patience > 0 && self.stale >= train.patience)
    }

    /// Appends an epoch and returns whether it is the best so far. The validation error decides: the NME, in pixels
    /// where there is none, and the validation loss where errors are never measured.
    pub(crate) fn take(&mut self, record: EpochRecord, steps: usize) -> bool {
        let error = [record.val_nme, record.val_px, record.val_loss].into_iter().find(|e| e.is_finite());
        self.pass(record, steps);
        let best = error.is_some_and(|e| e < self.best_error);
        if let (true, Some(error)) = (best, error) {
            (self.best_error, self.best_epoch, self.stale) = (error, record.epoch, 0);
        } else {
            self.stale += 1;
        }
        best
    }

    /// Appends an epoch whose error was not measured, and which is therefore never the best.
    pub(crate) fn pass(&mut self, record: EpochRecord, steps: usize) -> bool {
        self.history.push(record);
        self.steps = steps;
        false
    }

    /// Gives the run another number of epochs; its patience starts anew, or a run that had lost it would not continue.
    pub(crate) fn lengthen(&mut self, from: usize, to: usize) {
        self.seams.push(Seam { after: self.epoch(), from, to });
        self.stale = 0;
    }
}

/// What the checkpoint says of the run beside its numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// What made the recipe of the one that was named; unknown in runs of the first version.
    pub overrides: Option<Vec<String>>,
    /// The profile of the named recipe.
    pub profile: Option<String>,
    /// The faces it trains and validates on; unknown in runs of the first version.
    pub data: Option<DataDigest>,
}

/// A committed epoch.
pub(crate) struct Saved {
    /// The recipe that the run was trained by.
    pub recipe: Recipe,
    /// Where it stands.
    pub state: State,
    /// What else is known of it.
    pub about: About,
    /// Trained weights, averages, moments, by name.
    pub tensors: HashMap<String, Tensor>,
}

/// The state as it stands in the file. Floating-point numbers travel as text: JSON has no infinity, and its reader may
/// be a bit off.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    recipe: String,
    steps: usize,
    best_epoch: usize,
    stale: usize,
    best_error: String,
    history: String,
    #[serde(default)]
    seams: Vec<Seam>,
    #[serde(default)]
    overrides: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default)]
    data: Option<DataDigest>,
}

/// Writes the optimizer's file.
pub(super) fn write(
    path: &Path,
    recipe: &Recipe,
    about: &About,
    tensors: &[(String, Tensor)],
    state: &State,
) -> Result<()> {
    let written = Written {
        format: FORMAT,
        recipe: recipe.to_toml()?,
        steps: state.steps,
        best_epoch: state.best_epoch,
        stale: state.stale,
        best_error: state.best_error.to_string(),
        history: history::to_csv(&state.history, &state.seams)?,
        seams: state.seams.clone(),
        overrides: about.overrides.clone(),
        profile: about.profile.clone(),
        data: about.data.clone(),
    };
    let json = serde_json::to_string(&written).map_err(|e| broken(path, &e))?;
    Ok(weights::write_tensors(path, tensors, HashMap::from([(STATE_KEY.to_owned(), json)]), DType::F32)?)
}

/// Reads the optimizer's file in `dir`; without its tensors when `tensors` is off.
pub(super) fn read(dir: &Path, tensors: bool) -> Result<Saved> {
    let path = dir.join(OPTIM);
    let bytes = std::fs::read(&path).map_err(|e| Error::Run { path: path.clone(), reason: e.to_string() })?;
    parse(&path, &bytes, tensors)
}

impl Saved {
    /// A committed epoch from the bytes of the optimizer's file, which errors call `path`.
    ///
    /// # Errors
    /// When they are broken.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        parse(path, bytes, true)
    }
}

fn parse(path: &Path, bytes: &[u8], tensors: bool) -> Result<Saved> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| broken(path, &e))?;
    let json = header.metadata().as_ref().and_then(|m| m.get(STATE_KEY));
    let json = json.ok_or_else(|| broken(path, &"it says nothing of a run"))?;
    let written: Written = serde_json::from_str(json).map_err(|e| broken(path, &e))?;
    if written.format != FORMAT {
        return Err(broken(path, &format!("expected format {FORMAT}, got {}", written.format)));
    }
    let state = State {
        steps: written.steps,
        history: history::from_csv(path, &written.history)?,
        best_epoch: written.best_epoch,
        best_error: written.best_error.parse().map_err(|e| broken(path, &e))?,
        stale: written.stale,
        seams: written.seams,
    };
    let recipe = Recipe::parse(&path.display().to_string(), &written.recipe, &[])?;
    let about = About { overrides: written.overrides, profile: written.profile, data: written.data };
    let tensors = match tensors {
        true => candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|e| broken(path, &e))?,
        false => HashMap::new(),
    };
    Ok(Saved { recipe, state, about, tensors })
}

pub(super) fn broken(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::Run { path: path.to_owned(), reason: format!("expected the checkpoint of a run: {reason}") }
}

//! Checkpoints of a run: best and last weights, the optimiser, and all that a resumed run needs to continue to the same numbers.
//!
//! `optim.safetensors` alone decides which epoch a run is at: it holds the trained weights, their averages, the optimiser's moments and, in
//! its metadata, a [`State`] with the whole history. An epoch is committed by the rename of that one file:
//!
//! 1. `recipe.toml` (in the first epoch), `best.safetensors.next` (when the epoch is the best) and `last.safetensors.next` are written,
//! 2. `optim.safetensors.next` is written and renamed to `optim.safetensors`: from here on the epoch counts,
//! 3. the two weight files are renamed into place, and `history.csv` is written from the state.
//!
//! A run that was killed anywhere in between is settled before it goes on: a `.next` file that belongs to the committed epoch is renamed,
//! any other is deleted, and the history is written again.

use crate::{
    Error, Recipe, Result,
    observe::{EpochRecord, history},
};
use candle_core::{DType, Device, Tensor};
use facekp_data::write_whole;
use facekp_models::{Manifest, WeightsFile, weights};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

const STATE_KEY: &str = "facekp_run";
const FORMAT: u32 = 1;
/// The best weights.
pub const BEST: &str = "best.safetensors";
/// The last epoch's weights.
pub const LAST: &str = "last.safetensors";
/// All that a resumed run needs.
pub const OPTIM: &str = "optim.safetensors";

/// Where a run stands after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Steps of the optimiser so far.
    pub steps: usize,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch of the best weights; 0 before the first.
    pub best_epoch: usize,
    /// Its validation error.
    pub best_error: f64,
    /// Validated epochs since without a better one.
    pub stale: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { steps: 0, history: Vec::new(), best_epoch: 0, best_error: f64::INFINITY, stale: 0 }
    }
}

impl State {
    /// Epochs done.
    pub fn epoch(&self) -> usize {
        self.history.len()
    }

    /// Takes up an epoch; whether it is the best so far. The validation error decides: the NME, in pixels where there is none, and the
    /// validation loss where errors are never measured.
    pub fn take(&mut self, record: EpochRecord, steps: usize) -> bool {
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

    /// Takes up an epoch whose error was not measured, and which is therefore never the best.
    pub fn pass(&mut self, record: EpochRecord, steps: usize) -> bool {
        self.history.push(record);
        self.steps = steps;
        false
    }
}

/// The state as it stands in the file. Floating-point numbers travel as text: JSON has no infinity, and its reader may be a bit off.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    recipe: String,
    steps: usize,
    best_epoch: usize,
    stale: usize,
    best_error: String,
    history: String,
}

/// What an epoch leaves on disk.
pub struct Checkpoint<'a> {
    /// Evaluated weights and buffers.
    pub weights: Vec<(String, Tensor)>,
    /// Says what they are.
    pub manifest: &'a Manifest,
    /// Whether they are the best so far.
    pub best: bool,
    /// Trained weights, averages, moments.
    pub optim: Vec<(String, Tensor)>,
    /// Where the run stands.
    pub state: &'a State,
}

/// The state and the tensors by name of a committed epoch.
pub type Saved = (State, HashMap<String, Tensor>);

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run, or with `resume` opens one that was begun: then the state and tensors it stands at.
    ///
    /// # Errors
    /// When the folder holds a run and `resume` is off, the run was begun with another recipe, or its checkpoint is broken.
    pub fn open(dir: &Path, recipe: &Recipe, resume: bool) -> Result<(Self, Option<Saved>)> {
        let this = Self { dir: dir.to_owned() };
        let saved = if this.path(OPTIM).exists() { Some(this.read_optim()?) } else { None };
        if !resume && (saved.is_some() || this.path(BEST).exists()) {
            let reason = "holds a run already: resume it (--resume) or choose another folder".to_owned();
            return Err(Error::Run { path: dir.to_owned(), reason });
        }
        if let Some((there, ..)) = &saved
            && let Some(difference) = there.first_difference(recipe)
        {
            let reason = format!("the run was begun with another recipe: {difference}");
            return Err(Error::Run { path: dir.to_owned(), reason });
        }
        std::fs::create_dir_all(dir).map_err(|e| this.error("", e))?;
        // told before the first epoch, not after it
        tempfile::tempfile_in(dir).map_err(|e| this.error("", e))?;
        this.settle(saved.as_ref().map(|(_, state, _)| state))?;
        if saved.is_some() {
            this.write("recipe.toml", &recipe.to_toml()?)?;
        }
        Ok((this, saved.map(|(_, state, tensors)| (state, tensors))))
    }

    /// A file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes an epoch's files; whenever the process ends in between, [`RunFolder::open`] finds this epoch or the one before it whole.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn commit(&self, recipe: &Recipe, checkpoint: &Checkpoint<'_>) -> Result<()> {
        self.commit_watched(recipe, checkpoint, &mut |_| {})
    }

    /// [`RunFolder::commit`], calling `after` with the folder when each file has been written or renamed.
    pub(crate) fn commit_watched(
        &self,
        recipe: &Recipe,
        checkpoint: &Checkpoint<'_>,
        after: &mut dyn FnMut(&Path),
    ) -> Result<()> {
        let Checkpoint { weights, manifest, best, optim, state } = checkpoint;
        let names: &[&str] = if *best { &[BEST, LAST] } else { &[LAST] };
        // a run that fails before its first epoch leaves nothing behind
        if state.epoch() == 1 {
            self.write("recipe.toml", &recipe.to_toml()?)?;
            after(&self.dir);
        }
        for name in names {
            weights::save(&self.next(name), weights, manifest, DType::F32)?;
            after(&self.dir);
        }
        self.write_optim(recipe, optim, state)?;
        after(&self.dir);
        for name in [&[OPTIM], names].concat() {
            self.rename(name)?;
            after(&self.dir);
        }
        self.write("history.csv", &history::to_csv(&state.history)?)?;
        after(&self.dir);
        Ok(())
    }

    /// Brings all files to the committed epoch.
    fn settle(&self, state: Option<&State>) -> Result<()> {
        let (best, last) = state.map_or((0, 0), |s| (s.best_epoch, s.epoch()));
        for (name, epoch) in [(BEST, best), (LAST, last), (OPTIM, 0)] {
            let next = self.next(name);
            if !next.exists() {
                continue;
            }
            let belongs =
                name != OPTIM && WeightsFile::read(&next).is_ok_and(|w| epoch > 0 && w.manifest.epoch == epoch);
            if belongs {
                self.rename(name)?;
            } else {
                std::fs::remove_file(&next).map_err(|e| self.error(name, e))?;
            }
        }
        state.map_or(Ok(()), |s| self.write("history.csv", &history::to_csv(&s.history)?))
    }

    fn write_optim(&self, recipe: &Recipe, tensors: &[(String, Tensor)], state: &State) -> Result<()> {
        let written = Written {
            format: FORMAT,
            recipe: recipe.to_toml()?,
            steps: state.steps,
            best_epoch: state.best_epoch,
            stale: state.stale,
            best_error: state.best_error.to_string(),
            history: history::to_csv(&state.history)?,
        };
        let json = serde_json::to_string(&written).map_err(|e| self.error(OPTIM, e.into()))?;
        let tensors = tensors.iter().map(|(name, t)| (name.as_str(), t));
        let metadata = HashMap::from([(STATE_KEY.to_owned(), json)]);
        safetensors::serialize_to_file(tensors, Some(metadata), &self.next(OPTIM)).map_err(|e| self.broken(OPTIM, &e))
    }

    fn read_optim(&self) -> Result<(Recipe, State, HashMap<String, Tensor>)> {
        let bytes = std::fs::read(self.path(OPTIM)).map_err(|e| self.error(OPTIM, e))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| self.broken(OPTIM, &e))?;
        let json = header.metadata().as_ref().and_then(|m| m.get(STATE_KEY));
        let json = json.ok_or_else(|| self.broken(OPTIM, &"it says nothing of a run"))?;
        let written: Written = serde_json::from_str(json).map_err(|e| self.broken(OPTIM, &e))?;
        if written.format != FORMAT {
            return Err(self.broken(OPTIM, &format!("expected format {FORMAT}, got {}", written.format)));
        }
        let state = State {
            steps: written.steps,
            history: history::from_csv(&self.path(OPTIM), &written.history)?,
            best_epoch: written.best_epoch,
            best_error: written.best_error.parse().map_err(|e| self.broken(OPTIM, &e))?,
            stale: written.stale,
        };
        let recipe = Recipe::parse(&self.path(OPTIM).display().to_string(), &written.recipe, &[])?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu);
        Ok((recipe, state, tensors.map_err(|e| self.broken(OPTIM, &e))?))
    }

    fn next(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.next"))
    }

    fn rename(&self, name: &str) -> Result<()> {
        std::fs::rename(self.next(name), self.path(name)).map_err(|e| self.error(name, e))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(write_whole(&self.path(name), text.as_bytes())?)
    }

    fn error(&self, name: &str, e: std::io::Error) -> Error {
        Error::Run { path: self.path(name), reason: e.to_string() }
    }

    fn broken(&self, name: &str, reason: &dyn std::fmt::Display) -> Error {
        Error::Run { path: self.path(name), reason: format!("expected the checkpoint of a run: {reason}") }
    }
}

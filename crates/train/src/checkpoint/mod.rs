//! Checkpoints of a run: weights, the optimizer, and all that a resumed run needs to continue to the same numbers.
//!
//! `optim.safetensors` alone decides which epoch a run is at: it holds the trained weights, their averages, the
//! optimizer's moments and, in its metadata, a [`State`] with the whole history. An epoch is committed by the rename of
//! that one file:
//!
//! 1. `best.safetensors.next` (when the epoch is the best) and `last.safetensors.next` are written,
//! 2. `optim.safetensors.next` is written and renamed to `optim.safetensors`: from here on the epoch counts,
//! 3. the two weight files are renamed into place, and `history.csv` is written from the state.
//!
//! A run that was killed anywhere in between is settled before it continues: a `.next` file that belongs to the
//! committed epoch is renamed, any other is deleted, and the history is written again. `recipe.toml` and `lock` stand
//! there from the start.

mod lock;
mod names;
mod state;

use crate::{
    begin::{Begin, Mode},
    digest::DataDigest,
    error::{Error, Result},
    history,
    recipe::Recipe,
};
use candle_core::{DType, Tensor};
use facekp_data::write_whole;
use facekp_models::{Manifest, WeightsFile, weights};
use lock::Lock;
use names::{HISTORY, RECIPE, Survey, next};
pub(crate) use state::{About, Saved, State};
use std::path::{Path, PathBuf};

/// The best weights.
pub(crate) const BEST: &str = "best.safetensors";
/// The last epoch's weights.
pub(crate) const LAST: &str = "last.safetensors";
/// All that a resumed run needs.
pub(crate) const OPTIM: &str = "optim.safetensors";

/// What an epoch leaves on disk.
pub(crate) struct Checkpoint<'a> {
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

/// The folder of a run, in which no other process writes while this lives.
#[derive(Debug)]
pub(crate) struct RunFolder {
    dir: PathBuf,
    lock: Lock,
    about: About,
}

impl RunFolder {
    /// Locks the run's folder, and makes it where there is none; a run that is resumed also gives the state and tensors
    /// it stands at. Nothing in it is changed before [`RunFolder::prepare`].
    ///
    /// # Errors
    /// When another process trains in it, it does not hold what `begin` expects, the run was started with another
    /// recipe, or its checkpoint is broken.
    pub(crate) fn open(recipe: &Recipe, begin: &Begin) -> Result<(Self, Option<Saved>)> {
        let dir = begin.folder.as_path();
        lock::refuse_taken(dir)?;
        allow(dir, begin)?;
        let lock = Lock::take(dir)?;
        // again, now that no one else can change it
        let saved = allow(dir, begin).and_then(|there| match begin.mode {
            Mode::Resume if there.optim => same_run(dir, recipe, begin).map(Some),
            _ => Ok(None),
        });
        let saved = saved.inspect_err(|_| lock.undo())?;
        let data = saved.as_ref().and_then(|s| s.about.data.clone());
        let about = About { overrides: begin.overrides.clone(), profile: begin.profile.clone(), data };
        Ok((Self { dir: dir.to_owned(), lock, about }, saved))
    }

    /// Keeps what the run trains and validates on, which must be what it was started on.
    ///
    /// # Errors
    /// In one line what differs, and how many faces there were and are.
    pub(crate) fn trains_on(&mut self, data: DataDigest) -> Result<()> {
        if let Some(difference) = self.about.data.as_ref().and_then(|then| then.difference(&data)) {
            let way = "give it that data, or start a new run from its weights (train.init_from)";
            let reason = format!("the run was started on other data: {difference}: {way}");
            return Err(Error::Run { path: self.dir.clone(), reason });
        }
        self.about.data = Some(data);
        Ok(())
    }

    /// Brings the folder to where the run stands: takes away the run that is replaced, or what one that was killed left
    /// half done.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub(crate) fn prepare(&self, recipe: &Recipe, mode: Mode, state: Option<&State>) -> Result<()> {
        if mode == Mode::Overwrite {
            names::remove(&self.dir, |_| true)?;
        }
        names::remove_parts(&self.dir)?;
        self.settle(state)?;
        self.write(RECIPE, &recipe.to_toml()?)
    }

    /// Makes a new number of epochs count, even if the first of them never ends.
    ///
    /// # Errors
    /// When the checkpoint cannot be written.
    pub(crate) fn lengthen(&self, recipe: &Recipe, optim: &[(String, Tensor)], state: &State) -> Result<()> {
        self.write_optim(recipe, optim, state)?;
        self.rename(OPTIM)?;
        self.write(RECIPE, &recipe.to_toml()?)?;
        self.write(HISTORY, &history::to_csv(&state.history, &state.seams)?)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes an epoch's files, calling `after` with the folder when each has been written or renamed; whenever the
    /// process ends in between, [`RunFolder::open`] finds this epoch or the one before it whole.
    ///
    /// # Errors
    /// When a file cannot be written; says which epoch is whole.
    pub(crate) fn commit(
        &self,
        recipe: &Recipe,
        checkpoint: &Checkpoint<'_>,
        after: &mut dyn FnMut(&Path),
    ) -> Result<()> {
        self.write_epoch(recipe, checkpoint, after).map_err(|e| self.unfinished(&e))
    }

    fn write_epoch(&self, recipe: &Recipe, checkpoint: &Checkpoint<'_>, after: &mut dyn FnMut(&Path)) -> Result<()> {
        let Checkpoint { weights, manifest, best, optim, state } = checkpoint;
        let names: &[&str] = if *best { &[BEST, LAST] } else { &[LAST] };
        for name in names {
            weights::save(&self.path(&next(name)), weights, manifest, DType::F32)?;
            after(&self.dir);
        }
        self.write_optim(recipe, optim, state)?;
        after(&self.dir);
        for name in [&[OPTIM], names].concat() {
            self.rename(name)?;
            after(&self.dir);
        }
        self.write(HISTORY, &history::to_csv(&state.history, &state.seams)?)?;
        after(&self.dir);
        Ok(())
    }

    /// What went wrong, and where the run can continue.
    pub(crate) fn unfinished(&self, e: &Error) -> Error {
        let whole = match state::read(&self.dir, false) {
            Ok(saved) => format!(
                "the last whole checkpoint is that of epoch {}, continue from it with --resume",
                saved.state.epoch()
            ),
            Err(_) => "no epoch was finished".to_owned(),
        };
        // nobody looks for what a file is called while it is written
        let e = [BEST, LAST, OPTIM].iter().fold(e.to_string(), |said, name| said.replace(&next(name), name));
        Error::Unfinished(format!("{e}; {whole}"))
    }

    /// Leaves the folder of a run that failed: if it has no checkpoint, nothing of the run stays behind.
    pub(crate) fn abandon(&self) {
        let kept = [BEST, LAST, OPTIM].iter().any(|name| self.path(name).exists());
        if !kept && names::remove(&self.dir, |_| true).is_ok() {
            self.lock.remove();
        }
    }

    /// Brings all files to the committed epoch.
    fn settle(&self, state: Option<&State>) -> Result<()> {
        let (best, last) = state.map_or((0, 0), |s| (s.best_epoch, s.epoch()));
        for (name, epoch) in [(BEST, best), (LAST, last)] {
            let file = self.path(&next(name));
            if epoch > 0 && WeightsFile::read(&file).is_ok_and(|w| w.manifest.epoch == epoch) {
                self.rename(name)?;
            }
        }
        names::remove(&self.dir, |name| name.ends_with(".next"))?;
        state.map_or(Ok(()), |s| self.write(HISTORY, &history::to_csv(&s.history, &s.seams)?))
    }

    fn write_optim(&self, recipe: &Recipe, tensors: &[(String, Tensor)], state: &State) -> Result<()> {
        state::write(&self.path(&next(OPTIM)), recipe, &self.about, tensors, state)
    }

    fn rename(&self, name: &str) -> Result<()> {
        let error = |e: std::io::Error| Error::Run { path: self.path(name), reason: e.to_string() };
        std::fs::rename(self.path(&next(name)), self.path(name)).map_err(error)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(write_whole(&self.path(name), text.as_bytes())?)
    }
}

/// What the checkpoint in `dir` says, without its tensors; of a run without an epoch, nothing but its recipe. `None`
/// where no run was started.
///
/// # Errors
/// When the checkpoint or the recipe is broken.
pub(crate) fn summary(dir: &Path) -> Result<Option<(Recipe, About)>> {
    let there = Survey::of(dir)?;
    let recipe = dir.join(RECIPE);
    Ok(if there.optim {
        let saved = state::read(dir, false)?;
        Some((saved.recipe, saved.about))
    } else if there.started && recipe.is_file() {
        Some((Recipe::load(&recipe.to_string_lossy(), &[])?, About::default()))
    } else {
        None
    })
}

/// What is in `dir`, if a run may begin there so.
///
/// # Errors
/// One line: what is in the way, or missing.
fn allow(dir: &Path, begin: &Begin) -> Result<Survey> {
    let there = Survey::of(dir)?;
    let refuse = |reason: String| Err(Error::Run { path: dir.to_owned(), reason });
    match begin.mode {
        Mode::Resume => may_resume(dir, &there)?,
        Mode::New if there.optim || (there.started && there.weights.is_some()) => {
            let ways = "resume it (--resume), replace it (--overwrite) or choose another folder";
            return refuse(format!("holds a run already: {ways}"));
        }
        Mode::New | Mode::Overwrite if !there.foreign.is_empty() => {
            let expected = if begin.mode == Mode::New { "a new or empty folder" } else { "the files of a run alone" };
            let found = there.in_the_way();
            return refuse(format!("expected {expected}, found {found}: move that away or choose another folder"));
        }
        Mode::New | Mode::Overwrite => {
            if let Some(kept) = begin.keep.iter().find(|kept| is_within(kept, dir)) {
                return refuse(format!("{} is needed for the run and stands in its folder", kept.display()));
            }
        }
    }
    Ok(there)
}

/// # Errors
/// When nothing can be resumed; one line that says what is missing and what to do.
fn may_resume(dir: &Path, there: &Survey) -> Result<()> {
    let refuse = |reason: String| Err(Error::Run { path: dir.to_owned(), reason });
    match there.weights {
        _ if there.optim => Ok(()),
        Some(weights) => refuse(format!(
            "{OPTIM} is missing beside {weights}, without which nothing can be resumed: put it back, or start a new run \
             from these weights (train.init_from)"
        )),
        // killed before the end of its first epoch: it starts over
        None if there.started => Ok(()),
        None => refuse("nothing to resume: no run was started here".to_owned()),
    }
}

fn is_within(path: &Path, dir: &Path) -> bool {
    let real = |p: &Path| p.canonicalize().ok();
    real(path).zip(real(dir)).is_some_and(|(path, dir)| path.starts_with(dir))
}

/// The checkpoint in `dir`, if `recipe` continues it.
///
/// # Errors
/// When it is broken or another recipe's, or has more epochs than are asked for.
fn same_run(dir: &Path, recipe: &Recipe, begin: &Begin) -> Result<Saved> {
    let saved = state::read(dir, true)?;
    let mut there = saved.recipe.clone();
    if begin.lengthened {
        there.train.epochs = recipe.train.epochs;
    }
    let refuse = |reason: String| Err(Error::Run { path: dir.to_owned(), reason });
    let (done, wanted) = (saved.state.epoch(), recipe.train.epochs);
    match there.first_difference(recipe) {
        Some(difference) => refuse(format!("the run was started with another recipe: {difference}")),
        None if wanted < done => refuse(format!("expected at least the {done} epochs that are done, got {wanted}")),
        None => Ok(saved),
    }
}

//! How a run begins: anew, where another stopped, or in its place; and by which recipe.

use crate::{Error, Recipe, Result, checkpoint};
use std::path::{Path, PathBuf};

/// What is done with a folder that may hold a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It has to be new or empty.
    #[default]
    New,
    /// The run in it goes on from its last checkpoint.
    Resume,
    /// The run in it is removed; anything else there is a refusal.
    Overwrite,
}

/// How a run begins in its folder.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// What is done with a run that is there.
    pub mode: Mode,
    /// What made the recipe of the one that was named, where that is known; kept, so that a resumed run needs none of
    /// it again.
    pub overrides: Option<Vec<String>>,
    /// Whether a resumed run may have another number of epochs than it was begun with.
    pub lengthened: bool,
    /// Files and folders that must not stand in the run's folder: its recipe, its data.
    pub keep: Vec<PathBuf>,
}

impl From<Mode> for Begin {
    fn from(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// What `facekp train` is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// A built-in recipe or a file.
    pub recipe: &'a str,
    /// `key=value`.
    pub set: &'a [String],
    /// Another number of epochs.
    pub epochs: Option<usize>,
    /// The run folder; `runs/NAME` by default.
    pub run: Option<&'a Path>,
    /// What is done with a run that is there.
    pub mode: Mode,
    /// The data folder.
    pub data: Option<&'a Path>,
}

impl Request<'_> {
    /// The recipe, the run folder, and how the run begins. A run that is resumed goes on by its own recipe, which the
    /// named one and the overrides may repeat but not contradict.
    ///
    /// # Errors
    /// When the recipe is wrong or another than the run's, or there is nothing to resume.
    pub fn resolve(&self) -> Result<(Recipe, PathBuf, Begin)> {
        let run = match self.run {
            Some(run) => run.to_owned(),
            None => Path::new("runs").join(Recipe::load(self.recipe, self.set)?.name),
        };
        let epochs = self.epochs.map(|n| format!("train.epochs={n}"));
        let (recipe, overrides) = match self.mode {
            Mode::Resume => self.own(&run)?,
            Mode::New | Mode::Overwrite => (Recipe::load(self.recipe, self.set)?, Some(self.set.to_vec())),
        };
        let recipe = match &epochs {
            Some(change) => Recipe::parse(self.recipe, &recipe.to_toml()?, std::slice::from_ref(change))?,
            None => recipe,
        };
        let overrides = overrides.map(|all| all.into_iter().chain(epochs).collect());
        let keep = [Some(Path::new(self.recipe)), self.data].into_iter().flatten();
        let keep = keep.filter(|p| p.exists()).map(Path::to_path_buf).collect();
        Ok((recipe, run, Begin { mode: self.mode, overrides, lengthened: self.epochs.is_some(), keep }))
    }

    /// The recipe of the run in `run`, and what made it of the named one where that is known.
    fn own(&self, run: &Path) -> Result<(Recipe, Option<Vec<String>>)> {
        let named = |overrides: &[String]| Recipe::load(self.recipe, overrides);
        // the folder itself refuses what cannot be resumed
        let Some((own, about)) = checkpoint::told(run)? else {
            return Ok((named(self.set)?, Some(self.set.to_vec())));
        };
        let refuse = |difference: String| {
            let reason = format!("the run was begun with another recipe: {difference}");
            Err(Error::Run { path: run.to_owned(), reason })
        };
        if let Some(first) = about.overrides {
            let all = [&first, self.set].concat();
            return match own.first_difference(&named(&all)?) {
                None => Ok((own, Some(first))),
                Some(difference) => refuse(difference),
            };
        }
        let here = named(self.set)?;
        let Some(difference) = own.first_difference(&here) else { return Ok((own, Some(self.set.to_vec()))) };
        // It is not known what was set when the run was begun: what is set now must hold, and the name must be the
        // same.
        let changed = Recipe::parse(&run.display().to_string(), &own.to_toml()?, self.set)?;
        if let Some(contradiction) = own.first_difference(&changed) {
            return refuse(contradiction);
        }
        if own.name != here.name {
            return refuse(difference);
        }
        tracing::info!("{}: goes on by its own recipe, not by {}: {difference}", run.display(), self.recipe);
        Ok((own, None))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn resolve(run: &Path, set: &[&str], epochs: Option<usize>, mode: Mode) -> Result<(Recipe, PathBuf, Begin)> {
        let set: Vec<String> = set.iter().map(|&s| s.to_owned()).collect();
        Request { recipe: "nose", set: &set, epochs, run: Some(run), mode, data: None }.resolve()
    }

    #[test]
    fn a_number_of_epochs_is_an_override_like_others() {
        let (recipe, run, begin) = resolve(Path::new("r"), &["train.batch=4"], Some(7), Mode::New).unwrap();
        assert_eq!((recipe.train.epochs, recipe.train.batch, run), (7, 4, PathBuf::from("r")));
        assert_eq!(begin.overrides.unwrap(), ["train.batch=4", "train.epochs=7"]);
    }

    /// As a run of the first version leaves it: nothing says what was set.
    #[test]
    fn a_run_goes_on_by_its_own_recipe() {
        let dir = tempfile::tempdir().unwrap();
        let own = Recipe::load("nose", &["train.epochs=3".to_owned()]).unwrap();
        std::fs::write(dir.path().join("recipe.toml"), own.to_toml().unwrap()).unwrap();
        std::fs::write(dir.path().join("last.safetensors.next"), "").unwrap();
        let resume = |set: &[&str]| resolve(dir.path(), set, None, Mode::Resume);
        for set in [&[][..], &["train.epochs=3"]] {
            assert_eq!(resume(set).unwrap().0, own);
        }
        let error = resume(&["train.epochs=4"]).unwrap_err().to_string();
        assert!(error.ends_with("begun with another recipe: train.epochs: 3 there, 4 here"), "{error}");
        let request = Request { recipe: "face58", run: Some(dir.path()), mode: Mode::Resume, ..Request::default() };
        assert!(request.resolve().unwrap_err().to_string().contains("begun with another recipe"));
        assert_eq!(resolve(dir.path(), &[], Some(9), Mode::Resume).unwrap().0.train.epochs, 9);
    }
}

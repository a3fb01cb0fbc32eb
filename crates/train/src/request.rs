//! From what `facekp train` is asked for to a recipe and how its run begins.

use crate::{
    begin::{Begin, Mode},
    checkpoint::{self, About},
    error::{Error, Result},
    ranks::Team,
    recipe::Recipe,
};
use std::path::Path;

/// What `facekp train` is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// A built-in recipe or a file.
    pub recipe: &'a str,
    /// A profile of the recipe.
    pub profile: Option<&'a str>,
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
    /// The recipe, and how its run begins. A run that is resumed continues by its own recipe, which the named one, its
    /// profile and the overrides may repeat but not contradict.
    ///
    /// # Errors
    /// When the recipe is wrong or another than the run's, or there is nothing to resume.
    pub fn resolve(&self) -> Result<(Recipe, Begin)> {
        let folder = match self.run {
            Some(run) => run.to_owned(),
            None => Path::new("runs").join(self.named(self.profile, self.set)?.name),
        };
        let epochs = self.epochs.map(|n| format!("train.epochs={n}"));
        let (recipe, About { overrides, profile, .. }) = match self.mode {
            Mode::Resume => self.own(&folder)?,
            Mode::New | Mode::Overwrite => (self.named(self.profile, self.set)?, self.about()),
        };
        let recipe = match &epochs {
            Some(change) => Recipe::parse(self.recipe, &recipe.to_toml()?, std::slice::from_ref(change))?,
            None => recipe,
        };
        let overrides = overrides.map(|all| all.into_iter().chain(epochs).collect());
        let keep = [Some(Path::new(self.recipe)), self.data].into_iter().flatten();
        let keep = keep.filter(|p| p.exists()).map(Path::to_path_buf).collect();
        let lengthened = self.epochs.is_some();
        Ok((recipe, Begin { folder, mode: self.mode, overrides, profile, lengthened, keep }))
    }

    /// As [`Request::resolve`] on rank 0, which tells the others: they need not see the run's folder, nor a recipe's
    /// file.
    ///
    /// # Errors
    /// As [`Request::resolve`], on rank 0; a rank is gone.
    pub fn resolve_in(&self, team: &Team) -> Result<(Recipe, Begin)> {
        let first = if team.leads() { Some(self.resolve()?) } else { None };
        let heard =
            team.hear(|| first.as_ref().map_or(Ok(String::new()), |(r, _)| r.to_toml()).map(String::into_bytes))?;
        match (first, heard) {
            (Some(first), _) => Ok(first),
            (None, heard) => {
                let text = String::from_utf8(heard.unwrap_or_default()).unwrap_or_default();
                let folder = self.run.unwrap_or(Path::new(""));
                Ok((Recipe::parse(self.recipe, &text, &[])?, Begin::new(folder, self.mode)))
            }
        }
    }

    fn named(&self, profile: Option<&str>, overrides: &[String]) -> Result<Recipe> {
        Recipe::load_profile(self.recipe, profile, overrides)
    }

    /// What makes the recipe of the named one.
    fn about(&self) -> About {
        About { overrides: Some(self.set.to_vec()), profile: self.profile.map(str::to_owned), data: None }
    }

    /// The recipe of the run in `run`, and what made it of the named one where that is known.
    fn own(&self, run: &Path) -> Result<(Recipe, About)> {
        // the folder itself refuses what cannot be resumed
        let Some((own, about)) = checkpoint::summary(run)? else {
            return Ok((self.named(self.profile, self.set)?, self.about()));
        };
        let refuse = |difference: String| {
            let reason = format!("the run was started with another recipe: {difference}");
            Err(Error::Run { path: run.to_owned(), reason })
        };
        if let Some(first) = &about.overrides {
            let all = [first, self.set].concat();
            let profile = self.profile.or(about.profile.as_deref());
            return match own.first_difference(&self.named(profile, &all)?) {
                None => Ok((own, about)),
                Some(difference) => refuse(difference),
            };
        }
        let here = self.named(self.profile, self.set)?;
        let Some(difference) = own.first_difference(&here) else { return Ok((own, self.about())) };
        // It is not known what was set when the run was started: what is set now must hold, and the name must be the
        // same.
        let changed = Recipe::parse(&run.display().to_string(), &own.to_toml()?, self.set)?;
        if let Some(contradiction) = own.first_difference(&changed) {
            return refuse(contradiction);
        }
        if own.name != here.name {
            return refuse(difference);
        }
        tracing::info!("{}: continues by its own recipe, not by {}: {difference}", run.display(), self.recipe);
        Ok((own, About::default()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn resolve(run: &Path, set: &[&str], epochs: Option<usize>, mode: Mode) -> Result<(Recipe, Begin)> {
        let set: Vec<String> = set.iter().map(|&s| s.to_owned()).collect();
        Request { recipe: "nose", profile: None, set: &set, epochs, run: Some(run), mode, data: None }.resolve()
    }

    #[test]
    fn a_number_of_epochs_is_an_override_like_others() {
        let (recipe, begin) = resolve(Path::new("r"), &["train.batch=4"], Some(7), Mode::New).unwrap();
        assert_eq!((recipe.train.epochs, recipe.train.batch, begin.folder), (7, 4, PathBuf::from("r")));
        assert_eq!(begin.overrides.unwrap(), ["train.batch=4", "train.epochs=7"]);
    }

    /// As a run of the first version leaves it: nothing says what was set.
    #[test]
    fn a_run_continues_by_its_own_recipe() {
        let dir = tempfile::tempdir().unwrap();
        let own = Recipe::load("nose", &["train.epochs=3".to_owned()]).unwrap();
        std::fs::write(dir.path().join("recipe.toml"), own.to_toml().unwrap()).unwrap();
        std::fs::write(dir.path().join("last.safetensors.next"), "").unwrap();
        let resume = |set: &[&str]| resolve(dir.path(), set, None, Mode::Resume);
        for set in [&[][..], &["train.epochs=3"]] {
            assert_eq!(resume(set).unwrap().0, own);
        }
        let error = resume(&["train.epochs=4"]).unwrap_err().to_string();
        assert!(error.ends_with("started with another recipe: train.epochs was 3, is now 4"), "{error}");
        let request = Request { recipe: "face58", run: Some(dir.path()), mode: Mode::Resume, ..Request::default() };
        assert!(request.resolve().unwrap_err().to_string().contains("started with another recipe"));
        assert_eq!(resolve(dir.path(), &[], Some(9), Mode::Resume).unwrap().0.train.epochs, 9);
    }
}

//! What a run folder holds, read for the page, and the network's predictions on its validation split.

use super::RunInput;
use crate::baseline::MeanShape;
use crate::error::{Error, Result};
use crate::metrics::{FaceError, Summary, measure_all};
use crate::predict::{Prediction, Predictor};
use crate::run_files::{EpochRecord, history};
use candle_core::Device;
use facekp_models::{KeypointModel, WeightsFile};
use std::{fs, path::Path};

/// A run, ready to be shown.
pub(crate) struct Run<'a> {
    pub input: &'a RunInput,
    /// What the page calls it.
    title: String,
    pub file: WeightsFile,
    /// As trained, for its filters and maps.
    pub model: Box<dyn KeypointModel>,
    pub predictor: Predictor,
    pub recipe: String,
    pub history: Vec<EpochRecord>,
    /// `eval.json`, where the run has one.
    pub recorded: Option<Summary>,
    /// `None` for a network whose output names no points.
    pub found: Option<Found>,
    pub baseline: Summary,
}

/// Predictions on the validation split.
pub(crate) struct Found {
    pub predictions: Vec<Prediction>,
    pub errors: Vec<FaceError>,
    pub summary: Summary,
}

impl<'a> Run<'a> {
    /// Reads the folders. Runs of one recipe are told apart by their folders.
    pub(super) fn all(inputs: &'a [RunInput], device: &Device) -> Result<Vec<Self>> {
        let mut runs = inputs.iter().map(|input| Self::load(input, device)).collect::<Result<Vec<_>>>()?;
        let folder = |run: &Self| run.input.run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let called: Vec<_> = runs.iter().map(|run| (run.title.clone(), folder(run))).collect();
        runs.iter_mut().zip(titles(&called)).for_each(|(run, title)| run.title = title);
        Ok(runs)
    }

    /// Reads the folder and runs the network.
    fn load(input: &'a RunInput, device: &Device) -> Result<Self> {
        let weights = input.run.join("best.safetensors");
        let file = WeightsFile::read(&weights)?;
        let (_, model) = file.build(&weights, device)?;
        let fast = match model.for_inference()? {
            Some(fast) => fast,
            None => file.build(&weights, device)?.1,
        };
        let predictor = Predictor::new(file.manifest.task.clone(), fast, device)?;
        let recipe_path = input.run.join("recipe.toml");
        let recipe = fs::read_to_string(&recipe_path).map_err(|e| Error::io(&recipe_path, e))?;
        let eval = input.run.join("eval.json");
        let recorded = if eval.exists() { Some(Summary::read(&eval)?) } else { None };
        let found = predictor.has_points().then(|| {
            let predictions = predictor.predict_dataset(input.data.clone(), &input.val, input.flip)?;
            let errors = measure_all(&predictions)?;
            let summary = Summary::of(&errors, &input.val_name)?;
            Ok::<_, Error>(Found { predictions, errors, summary })
        });
        let mean = MeanShape::fit(input.data.as_ref(), &input.train, input.data.frame())?;
        let guesses = measure_all(&mean.predict(input.data.as_ref(), &input.val)?)?;
        Ok(Self {
            history: epochs(&input.run.join("history.csv"))?,
            found: found.transpose()?,
            baseline: Summary::of(&guesses, &input.val_name)?,
            input,
            title: file.manifest.name.clone(),
            file,
            model,
            predictor,
            recipe,
            recorded,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.title
    }
}

/// A title for each run of a recipe's name in a folder: no two are alike.
fn titles(called: &[(String, String)]) -> Vec<String> {
    let one = |(i, run): (usize, &(String, String))| {
        let (name, folder) = run;
        let before = called[..i].iter().filter(|other| *other == run).count();
        match called.iter().filter(|(other, _)| other == name).count() {
            1 => name.clone(),
            _ if before == 0 => format!("{name} ({folder})"),
            _ => format!("{name} ({folder}, {})", before + 1),
        }
    };
    called.iter().enumerate().map(one).collect()
}

fn epochs(path: &Path) -> Result<Vec<EpochRecord>> {
    let rows = history::read(path)?;
    if rows.is_empty() { Err(Error::file(path, "at least one epoch", "none")) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_recipe_are_called_by_their_folders() {
        let called = [("nose", "nose"), ("face58", "a"), ("face58", "b"), ("face58", "a")];
        let called = called.map(|(name, folder)| (name.to_owned(), folder.to_owned()));
        assert_eq!(titles(&called), ["nose", "face58 (a)", "face58 (b)", "face58 (a, 2)"]);
    }
}

//! What a run folder holds, read for the page, and the network's predictions on its validation split.

use super::RunInput;
use crate::{Error, FaceError, MeanShape, Prediction, Predictor, Result, Summary, metrics::measure_all};
use candle_core::Device;
use facekp_data::Augment;
use facekp_models::{KeypointModel, WeightsFile};
use serde::Deserialize;
use std::{fs, path::Path};

/// One row of `history.csv`; only what the page draws.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Epoch {
    pub epoch: f64,
    pub train_loss: f64,
    pub val_loss: Option<f64>,
    pub val_px: Option<f64>,
    /// Of the run as it was then; only where it was given another number on its way.
    #[serde(default)]
    pub total_epochs: Option<f64>,
}

/// A run, ready to be shown.
pub(crate) struct Run<'a> {
    pub input: &'a RunInput,
    pub file: WeightsFile,
    /// As trained, for its filters and maps.
    pub model: Box<dyn KeypointModel>,
    pub predictor: Predictor,
    pub recipe: String,
    pub augment: Augment,
    pub history: Vec<Epoch>,
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
    /// Reads the folder and runs the network.
    pub fn load(input: &'a RunInput, device: &Device) -> Result<Self> {
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
        let (augment, flip) = training(&recipe_path, &recipe)?;
        let eval = input.run.join("eval.json");
        let recorded = if eval.exists() { Some(Summary::read(&eval)?) } else { None };
        let found = predictor.has_points().then(|| {
            let predictions = predictor.predict_dataset(input.data.clone(), &input.val, flip)?;
            let errors = measure_all(&predictions)?;
            let summary = Summary::of(&errors, &input.val_name)?;
            Ok::<_, Error>(Found { predictions, errors, summary })
        });
        let mean = MeanShape::fit(input.data.as_ref(), &input.train, input.data.frame())?;
        let guesses = measure_all(&mean.predict(input.data.as_ref(), &input.val)?)?;
        Ok(Self {
            history: history(&input.run.join("history.csv"))?,
            found: found.transpose()?,
            baseline: Summary::of(&guesses, &input.val_name)?,
            input,
            file,
            model,
            predictor,
            recipe,
            augment,
            recorded,
        })
    }

    pub fn name(&self) -> &str {
        &self.file.manifest.name
    }
}

/// What the page needs of a recipe: how views are changed in training, and whether tests average with the mirrored
/// view.
fn training(path: &Path, text: &str) -> Result<(Augment, bool)> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Train {
        augment: Augment,
        flip_test: bool,
    }
    #[derive(Deserialize)]
    struct Recipe {
        #[serde(default)]
        train: Train,
    }
    let recipe: Recipe = toml::from_str(text).map_err(|e| Error::file(path, "a recipe", e.message().to_owned()))?;
    Ok((recipe.train.augment, recipe.train.flip_test))
}

fn history(path: &Path) -> Result<Vec<Epoch>> {
    let text = fs::read(path).map_err(|e| Error::io(path, e))?;
    let rows: Result<Vec<Epoch>, csv::Error> = csv::Reader::from_reader(text.as_slice()).deserialize().collect();
    let rows =
        rows.map_err(|e| Error::file(path, "rows of numbers with epoch, train_loss, val_loss", e.to_string()))?;
    if rows.is_empty() { Err(Error::file(path, "at least one epoch", "none")) } else { Ok(rows) }
}

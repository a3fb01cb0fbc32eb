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
    /// Reads the folder and runs the network.
    pub(super) fn load(input: &'a RunInput, device: &Device) -> Result<Self> {
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
            file,
            model,
            predictor,
            recipe,
            recorded,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.file.manifest.name
    }
}

fn epochs(path: &Path) -> Result<Vec<EpochRecord>> {
    let rows = history::read(path)?;
    if rows.is_empty() { Err(Error::file(path, "at least one epoch", "none")) } else { Ok(rows) }
}

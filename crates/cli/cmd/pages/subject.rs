//! What the page of results measures.

use crate::cmd::eval;
use anyhow::Result;
use candle_vision_helpers::heatmap::Decode;
use facekp_data::{Dataset, Split};
use facekp_eval::{FaceError, Flip, Predictor, Summary};
use facekp_models::WeightsFile;
use facekp_train::device::DeviceName;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is measured: weights, and the folder of their run where that is at hand.
pub(super) struct Subject {
    pub name: String,
    pub file: WeightsFile,
    pub path: PathBuf,
    pub run: Option<PathBuf>,
}

impl Subject {
    pub(super) fn of(argument: &Path) -> Result<Self> {
        let run = argument.join("recipe.toml").is_file().then(|| argument.to_path_buf());
        let path = match &run {
            Some(run) => run.join("last.safetensors"),
            None => facekp_models::locate(&argument.to_string_lossy())?,
        };
        let file = WeightsFile::read(&path)?;
        let name = if run.is_some() { file.manifest.name.clone() } else { argument.to_string_lossy().into_owned() };
        Ok(Self { name, file, path, run })
    }

    /// Measures on those of `splits` that the data has, with points read as the recipe does or in another way; `None`
    /// for networks that give no points.
    pub(super) fn measure(
        &self,
        data: &Path,
        splits: &[Split],
        decode: Option<Decode>,
        flip: Option<Flip>,
    ) -> Result<Option<Measured>> {
        let (mut predictor, _) = Predictor::load(&self.path, &DeviceName::default().open()?)?;
        if let Some(decode) = decode {
            predictor = predictor.with_decode(decode)?;
        }
        if !self.file.manifest.task.codec()?.has_points() {
            return Ok(None);
        }
        let eval::Setting { data, flip: own } = eval::setting(&self.file.manifest, data)?;
        let flip = flip.unwrap_or(own);
        let splits: Vec<Split> = splits.iter().copied().filter(|s| data.split(*s).is_ok()).collect();
        let errors = eval::errors(&predictor, &data, &splits, flip)?;
        Ok(Some(Measured { predictor, data, flip, errors }))
    }
}

/// A network and its errors on each split of the data.
pub(super) struct Measured {
    pub predictor: Predictor,
    pub data: Arc<dyn Dataset>,
    pub flip: Flip,
    pub errors: Vec<(Split, Vec<FaceError>)>,
}

impl Measured {
    pub(super) fn summaries(&self) -> Result<Vec<Summary>> {
        self.errors.iter().map(|(split, errors)| Ok(Summary::of(errors, split.name())?)).collect()
    }
}

//! `facekp predict`: the keypoints of pictures, as overlay PNG, `.pts` and JSON.

use crate::{
    args::Predict,
    cmd::{write_file, write_result},
};
use anyhow::{Context, Result, bail};
use candle_vision_helpers::Rect;
use facekp_data::{formats::pts, picture::load_photo};
use facekp_eval::{Predictor, predict::PictureResult, visualize};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The side of a picture of maps, pixels.
const HEAT: usize = 512;

pub fn run(a: &Predict) -> Result<()> {
    let device = a.device.open()?;
    let (predictor, _) = Predictor::load(&facekp_models::locate(&a.weights)?, &device)?;
    let outputs = output_names(&a.pictures, &a.out)?;
    let mut results = Vec::with_capacity(a.pictures.len());
    let mut failed = Vec::new();
    for (picture, output) in a.pictures.iter().zip(&outputs) {
        match one(&predictor, picture, a.face, output, a.heatmap) {
            Ok(r) => results.push(r),
            Err(e) if a.pictures.len() == 1 => return Err(e),
            Err(e) => {
                tracing::error!("{e:#}");
                failed.push(picture.display().to_string());
            }
        }
    }
    if let Some(json) = &a.json {
        write_result(json, &(serde_json::to_string_pretty(&results)? + "\n"))?;
    }
    if !failed.is_empty() {
        bail!("{} of {} pictures failed: {}", failed.len(), a.pictures.len(), failed.join(", "));
    }
    Ok(())
}

fn one(predictor: &Predictor, file: &Path, face: Option<Rect>, output: &Path, heatmap: bool) -> Result<PictureResult> {
    let picture = Arc::new(load_photo(file)?);
    let found = predictor.locate(picture.clone(), face).with_context(|| file.display().to_string())?;
    if found.is_doubtful() {
        tracing::warn!(
            "{}: the face may not have been found (mean confidence {:.2}); try --box X,Y,W,H",
            file.display(),
            found.mean_confidence()
        );
    }
    let mut drawn = (*picture).clone();
    visualize::overlay(&mut drawn, predictor.task.scheme()?, Some(&found.points), None);
    let overlay = with_suffix(output, ".png");
    let maps = if heatmap {
        let maps = predictor.photo_heat(picture, found.face, HEAT).with_context(|| file.display().to_string())?;
        Some(maps.context("--heatmap: expected a network with heatmaps, got direct regression")?)
    } else {
        None
    };
    write_file(&overlay, &visualize::png(&drawn)?)?;
    pts::write(&with_suffix(output, ".pts"), &found.points)?;
    if let Some(maps) = maps {
        write_file(&with_suffix(output, "_heatmap.png"), &visualize::png(&maps)?)?;
    }
    tracing::info!("{} -> {}", file.display(), overlay.display());
    Ok(PictureResult::new(file.display().to_string(), found.face, &found.points, &found.confidence))
}

/// `Path::with_extension` would cut a name at its last dot.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `out/name_keypoints` for each picture; two pictures of one name are told apart by a number, never overwritten.
fn output_names(pictures: &[PathBuf], out: &Path) -> Result<Vec<PathBuf>> {
    let mut taken = HashSet::new();
    pictures
        .iter()
        .map(|p| {
            let stem = p.file_stem().with_context(|| format!("{}: not a file name", p.display()))?.to_string_lossy();
            let name = (1..)
                .map(|n| if n == 1 { format!("{stem}_keypoints") } else { format!("{stem}_{n}_keypoints") })
                .find(|name| taken.insert(name.clone()))
                .unwrap_or_default();
            Ok(out.join(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pictures_of_one_name_do_not_overwrite_each_other() {
        let names = output_names(&["a/x.jpg".into(), "b/x.png".into(), "y.jpg".into()], Path::new("o")).unwrap();
        assert_eq!(names, ["o/x_keypoints", "o/x_2_keypoints", "o/y_keypoints"].map(PathBuf::from));
    }
}

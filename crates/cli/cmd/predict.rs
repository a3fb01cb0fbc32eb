//! `facekp predict`: the keypoints of pictures, as overlay PNG, `.pts` and JSON.

use crate::{
    args::Predict,
    cmd::{one_line, write_file, write_result},
    weights,
};
use anyhow::{Context, Result, bail};
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{Picture, formats::pts, picture::load_photo};
use facekp_eval::{FaceResult, PictureResult, Predictor, visualize};
use std::{
    collections::HashSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The side of a picture of maps, pixels.
const HEAT: usize = 512;

pub fn run(a: &Predict) -> Result<()> {
    let device = a.device.open()?;
    let (predictor, _) = Predictor::load(&weights::locate(&a.weights)?, &device)?;
    let outputs = output_names(&a.pictures, &a.out);
    let mut results = Vec::with_capacity(a.pictures.len());
    let mut first = None;
    for (picture, output) in a.pictures.iter().zip(&outputs) {
        results.push(one(&predictor, picture, a.face, output, a.heatmap).unwrap_or_else(|e| {
            if a.pictures.len() > 1 {
                tracing::error!("{}", one_line(&e));
            }
            let entry = PictureResult::failed(picture, one_line(&e));
            first.get_or_insert(e);
            entry
        }));
    }
    if let Some(json) = &a.json {
        write_result(json, &(serde_json::to_string_pretty(&results)? + "\n"))?;
    }
    let failed = results.iter().filter(|r| r.error.is_some()).count();
    match first {
        Some(e) if a.pictures.len() == 1 => Err(e),
        Some(_) => bail!("{failed} of {} pictures failed", a.pictures.len()),
        None => Ok(()),
    }
}

fn one(predictor: &Predictor, file: &Path, face: Option<Rect>, output: &Path, heatmap: bool) -> Result<PictureResult> {
    let photo = load_photo(file)?;
    if let Some(lack) = &photo.lack {
        tracing::warn!(
            "{}: expected a whole picture, got {lack}; points in what is missing are guesses",
            file.display()
        );
    }
    let found = predictor.locate_photo(&photo, face).with_context(|| file.display().to_string())?;
    if found.is_doubtful() {
        let sure = found.mean_confidence().map(|c| format!(" (mean confidence {c:.2})")).unwrap_or_default();
        tracing::warn!("{}: the face may not have been found{sure}; try --box X,Y,W,H", file.display());
    }
    let mut drawn = (*photo.image).clone();
    let shown: Vec<Point> = found.points.iter().map(|p| photo.to_image.apply(*p)).collect();
    visualize::overlay(&mut drawn, predictor.task.scheme()?, Some(&shown), None);
    let (overlay, points) = (with_suffix(output, ".png"), with_suffix(output, ".pts"));
    let maps = if heatmap {
        let maps = predictor.heat_of_photo(&photo, found.face, HEAT).with_context(|| file.display().to_string())?;
        Some(maps.context("--heatmap: expected a network with heatmaps, got direct regression")?)
    } else {
        None
    };
    write_file(&overlay, &visualize::png(&drawn)?)?;
    pts::write(&points, &found.points)?;
    if let Some(maps) = maps {
        write_file(&with_suffix(output, "_heatmap.png"), &visualize::png(&maps)?)?;
    }
    tracing::info!("{} -> {}{}", file.display(), overlay.display(), about(&photo));
    Ok(PictureResult::found(file, photo.original, photo.orientation, vec![FaceResult::new(&found, &points)]))
}

/// What a reader of the results has to know about a photo's pixels.
fn about(photo: &Picture) -> String {
    let (Size { width, height }, small) = (photo.original, photo.image.dimensions());
    let turned = match photo.orientation {
        1 => String::new(),
        n => format!(
            " (turned upright, EXIF orientation {n}: points are in the {width}x{height} pixels shown, not the file's)"
        ),
    };
    if (small.0 as usize, small.1 as usize) == (width, height) {
        return turned;
    }
    format!("{turned} (drawn on a copy of {}x{}; points are in the full {width}x{height} pixels)", small.0, small.1)
}

/// `Path::with_extension` would cut a name at its last dot.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `out/name_keypoints` for each picture; two pictures of one name are told apart by a number, never overwritten.
fn output_names(pictures: &[PathBuf], out: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    let mut name = |picture: &PathBuf| {
        // `..` has no name; reading it fails in its turn
        let stem = picture.file_stem().unwrap_or(OsStr::new("picture"));
        let numbered = |n: usize| {
            let mut name = stem.to_owned();
            name.push(if n == 1 { "_keypoints".to_owned() } else { format!("_{n}_keypoints") });
            name
        };
        (1..).map(numbered).find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    pictures.iter().map(|p| out.join(name(p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_name_do_not_overwrite_each_other() {
        let names = output_names(&["a/x.jpg".into(), "b/x.png".into(), "y.jpg".into(), "..".into()], Path::new("o"));
        assert_eq!(
            names,
            ["o/x_keypoints", "o/x_2_keypoints", "o/y_keypoints", "o/picture_keypoints"].map(PathBuf::from)
        );
    }
}

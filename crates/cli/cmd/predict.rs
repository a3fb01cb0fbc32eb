//! `facekp predict`: the keypoints of pictures, as overlay PNG, `.pts` and JSON.

use crate::{
    output::{one_line, write_file, write_result},
    parse::parse_box,
    shared_args::DeviceArg,
};
use anyhow::{Context, Result, bail};
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{PREDICTION_SUFFIX, Picture, formats::pts, picture::load_photo, pictures_in};
use facekp_eval::{FaceResult, PictureResult, Predictor, visualize};
use std::{
    collections::HashSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The side of a picture of maps, pixels.
const HEAT: usize = 512;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp predict face58 photo.jpg --out predictions --json -")]
pub(crate) struct Args {
    /// A weights file, a run folder, or a name in weights/ or runs/.
    weights: String,
    /// JPEG or PNG pictures, or folders of them.
    #[arg(required = true, value_name = "PICTURE|DIR")]
    pictures: Vec<PathBuf>,
    /// The face's box in every picture [default: found by the network].
    #[arg(long = "box", value_name = "X,Y,W,H", value_parser = parse_box, allow_hyphen_values = true, help_heading = "Data")]
    face: Option<Rect>,
    /// Where the overlay PNG and the .pts of each picture go.
    #[arg(long, value_name = "DIR", default_value = "predictions", help_heading = "Output")]
    out: PathBuf,
    /// Write boxes, points and confidences as JSON (`-`: stdout).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Also draw the network's maps (heatmap networks).
    #[arg(long, help_heading = "Output")]
    heatmap: bool,
    #[command(flatten)]
    device: DeviceArg,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let device = a.device.open()?;
    let (predictor, _) = Predictor::load(&facekp_models::locate(&a.weights)?, &device)?;
    let pictures: Vec<PathBuf> = a.pictures.iter().flat_map(|p| inside(p)).collect();
    let outputs = output_names(&pictures, &a.out);
    let mut results = Vec::with_capacity(pictures.len());
    let mut first = None;
    for (picture, output) in pictures.iter().zip(&outputs) {
        results.push(one(&predictor, picture, a.face, output, a.heatmap).unwrap_or_else(|e| {
            if pictures.len() > 1 {
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
        Some(e) if pictures.len() == 1 => Err(e),
        Some(_) => bail!("{failed} of {} pictures failed", pictures.len()),
        None => Ok(()),
    }
}

/// The pictures that an argument stands for. A folder without any stands for itself, and fails when its turn comes.
fn inside(argument: &Path) -> Vec<PathBuf> {
    let listed = argument.is_dir().then(|| pictures_in(argument).ok()).flatten();
    listed.unwrap_or_else(|| vec![argument.to_path_buf()])
}

fn one(predictor: &Predictor, file: &Path, face: Option<Rect>, output: &Path, heatmap: bool) -> Result<PictureResult> {
    if file.is_dir() {
        pictures_in(file)?;
    }
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
    visualize::overlay(&mut drawn, &predictor.task().scheme, Some(&shown), None);
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
        write_file(&with_suffix(output, ".heatmap.png"), &visualize::png(&maps)?)?;
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

/// `out/name.keypoints` for each picture; two pictures of one name get different numbers.
fn output_names(pictures: &[PathBuf], out: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    let mut name = |picture: &PathBuf| {
        // `..` has no name; reading it fails in its turn
        let stem = picture.file_stem().unwrap_or(OsStr::new("picture"));
        let numbered = |n: usize| {
            let mut name = stem.to_owned();
            name.push(if n == 1 { PREDICTION_SUFFIX.to_owned() } else { format!("_{n}{PREDICTION_SUFFIX}") });
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
            ["o/x.keypoints", "o/x_2.keypoints", "o/y.keypoints", "o/picture.keypoints"].map(PathBuf::from)
        );
    }
}

//! What `predict` writes of a picture: an overlay, and a `.pts` and on request maps and an aligned crop of each face.

use crate::output::write_file;
use anyhow::Result;
use candle_vision_helpers::{Point, Size};
use facekp_data::{PREDICTION_SUFFIX, Picture, formats::pts};
use facekp_eval::{FaceResult, Located, PictureResult, Predictor, visualize};
use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The longer side of a picture of maps and of a crop, pixels.
const HEAT: usize = 512;
const CROP: usize = 256;

/// What is written beside overlay and points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extras {
    pub heatmap: bool,
    pub crop: bool,
}

/// Writes what was found in a photo; `output` is the path of all files less their ends.
pub(super) fn write(
    predictor: &Predictor,
    (file, photo): (&Path, &Picture),
    faces: &[Located],
    output: &Path,
    extras: Extras,
) -> Result<PictureResult> {
    let overlay = with_suffix(output, ".png");
    forget_others(output, faces.len());
    if faces.is_empty() {
        tracing::info!("{}: no face{}", file.display(), about(photo));
        std::fs::remove_file(&overlay).ok();
        return Ok(PictureResult::found(file, photo.original, photo.orientation, Vec::new()));
    }
    let mut drawn = (*photo.image).clone();
    for face in faces {
        let shown: Vec<Point> = face.points.iter().map(|p| photo.to_image.apply(*p)).collect();
        visualize::overlay(&mut drawn, &predictor.task().scheme, Some(&shown), None);
    }
    write_file(&overlay, &visualize::png(&drawn)?)?;
    let mut results = Vec::with_capacity(faces.len());
    for (i, face) in faces.iter().enumerate() {
        let points = with_suffix(output, &numbered(i, ".pts"));
        pts::write(&points, &face.points)?;
        if extras.heatmap
            && let Some(maps) = predictor.photo_heat(&photo.image, &face.place, HEAT)?
        {
            write_file(&with_suffix(output, &numbered(i, ".heatmap.png")), &visualize::png(&maps)?)?;
        }
        if extras.crop {
            let crop = predictor.aligned(&photo.image, &face.place, CROP)?;
            write_file(&with_suffix(output, &numbered(i, ".crop.png")), &visualize::png(&crop)?)?;
        }
        results.push(FaceResult::new(face, &points));
    }
    let count = if faces.len() == 1 { "1 face".to_owned() } else { format!("{} faces", faces.len()) };
    tracing::info!("{}: {count} -> {}{}", file.display(), overlay.display(), about(photo));
    let mut result = PictureResult::found(file, photo.original, photo.orientation, results);
    result.overlay = Some(overlay.display().to_string());
    Ok(result)
}

/// The end of the names of face `i`'s files: the first one's have no number.
fn numbered(i: usize, end: &str) -> String {
    if i == 0 { end.to_owned() } else { format!(".{}{end}", i + 1) }
}

/// Removes what an earlier call wrote of faces that are not there now: their files would pass for results.
fn forget_others(output: &Path, count: usize) {
    let gone = |i: usize, end: &str| std::fs::remove_file(with_suffix(output, &numbered(i, end))).is_ok();
    for i in count.. {
        let removed = [".pts", ".heatmap.png", ".crop.png"].map(|end| gone(i, end));
        if !removed.contains(&true) {
            break;
        }
    }
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
pub(super) fn names(pictures: &[PathBuf], out: &Path) -> Vec<PathBuf> {
    // where each name's numbers continue: a video's frames may all be called alike
    let (mut taken, mut next) = (HashSet::new(), HashMap::new());
    let mut name = |picture: &PathBuf| {
        // `..` has no name; reading it fails in its turn
        let stem = picture.file_stem().unwrap_or(OsStr::new("picture"));
        let numbered = |n: usize| {
            let mut name = stem.to_owned();
            name.push(if n == 1 { PREDICTION_SUFFIX.to_owned() } else { format!("_{n}{PREDICTION_SUFFIX}") });
            name
        };
        let from = next.entry(stem.to_owned()).or_insert(1);
        let free = (*from..).map(|n| (n, numbered(n))).find(|(_, name)| taken.insert(name.clone()));
        let (n, name) = free.unwrap_or_default();
        *from = n + 1;
        name
    };
    pictures.iter().map(|p| out.join(name(p))).collect()
}

/// Removes what processes that were killed left half written of the files of `names`, all in the folder `out`.
pub(super) fn forget_parts<'a>(out: &Path, names: impl Iterator<Item = &'a PathBuf>) {
    let names: HashSet<&str> = names.filter_map(|name| name.file_name()?.to_str()).collect();
    let is_own = |file: &str| {
        let name = file.rfind(PREDICTION_SUFFIX).map(|at| &file[..at + PREDICTION_SUFFIX.len()]);
        name.is_some_and(|name| names.contains(name))
    };
    facekp_data::forget_parts(out, is_own);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pictures_of_one_name_do_not_overwrite_each_other() {
        let names = names(&["a/x.jpg".into(), "b/x.png".into(), "y.jpg".into(), "..".into()], Path::new("o"));
        assert_eq!(
            names,
            ["o/x.keypoints", "o/x_2.keypoints", "o/y.keypoints", "o/picture.keypoints"].map(PathBuf::from)
        );
    }

    /// Each would look at all before it if numbers were counted anew.
    #[test]
    fn many_pictures_of_one_name_are_numbered_quickly() {
        let pictures: Vec<PathBuf> = (0..100_000).map(|i| format!("{i}/frame.jpg").into()).collect();
        let names = names(&pictures, Path::new(""));
        assert_eq!(names[99_999], Path::new("frame_100000.keypoints"));
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn half_written_files_are_removed_where_they_are_ones_own() {
        let dir = tempfile::tempdir().unwrap();
        let own = [".x.keypoints.png.7-0.part", ".x.keypoints.2.pts.12-30.part"];
        let others = [".x_2.keypoints.png.7-0.part", ".x.keypoints.png.part", "x.keypoints.png", ".notes.7-0.part"];
        own.iter().chain(&others).for_each(|f| std::fs::write(dir.path().join(f), "").unwrap());
        forget_parts(dir.path(), [dir.path().join("x.keypoints")].iter());
        let mut left = others.map(str::to_owned).to_vec();
        left.sort();
        assert_eq!(names_in(dir.path()), left);
        forget_parts(&dir.path().join("none"), [].iter());
    }

    #[test]
    fn faces_that_are_gone_leave_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("x.keypoints");
        let files = ["x.keypoints.pts", "x.keypoints.2.pts", "x.keypoints.3.pts", "x.keypoints.3.crop.png", "y.pts"];
        files.iter().for_each(|f| std::fs::write(dir.path().join(f), "").unwrap());
        forget_others(&output, 1);
        let left = names_in(dir.path());
        assert_eq!(left, ["x.keypoints.pts", "y.pts"]);
    }

    fn names_in(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

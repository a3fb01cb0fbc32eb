//! Predictions as a dataset: to be corrected in the tools that people use, and trained on.

use anyhow::{Context, Result};
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{
    Annotation, Keypoints, Scheme,
    datasets::convert::{About, Converted, Form, write_folder},
    picture::load_photo,
};
use facekp_eval::{PictureResult, visualize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Writes the faces of `results`, which belong to `pictures`, and copies of the pictures into the new folder `out`.
/// A photo that the camera turned, or that was too large to be drawn whole, is written as its points see it.
pub(super) fn write(
    (pictures, results): (&[PathBuf], &[PictureResult]),
    (scheme, network): (&Arc<Scheme>, &str),
    form: Form,
    out: &Path,
) -> Result<Converted> {
    let turned = tempfile::tempdir()?;
    let found = pictures.iter().zip(results).filter(|(_, result)| !result.faces.is_empty());
    let found = found.map(|(p, result)| Ok((p.canonicalize().with_context(|| p.display().to_string())?, result)));
    let found = found.collect::<Result<Vec<_>>>()?;
    let root = common(found.iter().map(|(picture, _)| picture.as_path()));
    let mut all = Vec::new();
    for (i, (picture, result)) in found.iter().enumerate() {
        let photo = load_photo(picture)?;
        let is_same = photo.orientation == 1 && Size::of(&photo.image) == photo.original;
        let copy = match is_same {
            true => picture.clone(),
            false => {
                let folder = turned.path().join(i.to_string());
                std::fs::create_dir(&folder)?;
                let copy = folder.join(picture.file_stem().unwrap_or_default()).with_extension("png");
                std::fs::write(&copy, visualize::png(&photo.image)?)?;
                copy
            }
        };
        let name = picture.strip_prefix(&root).unwrap_or(picture).with_extension("");
        let name = name.to_str().with_context(|| format!("{}: expected a name in UTF-8", picture.display()))?;
        for (k, face) in result.faces.iter().enumerate() {
            let points: Vec<Point> =
                face.points.iter().map(|&(x, y, _)| photo.to_image.apply(Point::new(x, y))).collect();
            let id = if k == 0 { name.to_owned() } else { format!("{name}#{}", k + 1) };
            let face = Rect::around(&points).with_context(|| format!("{id}: expected a point, got none"))?;
            let points =
                Keypoints::new(scheme, points).with_context(|| format!("{id}: expected {} points", scheme.len()))?;
            all.push(Annotation { id, picture: copy.clone(), subject: None, face, points });
        }
    }
    let title = format!("points that {network} predicted");
    Ok(write_folder(&About { scheme, title: &title, synthetic: false }, all, form, out)?)
}

/// The folder that all files are below.
fn common<'a>(files: impl Iterator<Item = &'a Path>) -> PathBuf {
    let parents = files.map(|file| file.parent().unwrap_or(file).to_path_buf());
    let shared = |a: PathBuf, b: PathBuf| {
        a.components().zip(b.components()).take_while(|(x, y)| x == y).map(|(x, _)| x).collect()
    };
    parents.reduce(shared).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_below_what_is_common() {
        let of = |files: &[&str]| common(files.iter().map(Path::new));
        assert_eq!(of(&["/a/b/1.jpg", "/a/b/2.jpg"]), Path::new("/a/b"));
        assert_eq!(of(&["/a/b/1.jpg", "/a/bc/2.jpg"]), Path::new("/a"));
        assert_eq!(of(&["/a/1.jpg", "/b/1.jpg"]), Path::new("/"));
        assert_eq!(of(&[]), Path::new(""));
    }
}

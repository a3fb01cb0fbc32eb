//! Predictions as a dataset: to be corrected in the tools that people use, and trained on.

use crate::output::Usage;
use anyhow::{Context, Result};
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{
    Annotation, Keypoints, Picture, Scheme,
    datasets::convert::{About, Converted, Form, check_new, write_folder},
    picture::load_photo,
};
use facekp_eval::{PictureResult, visualize};
use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Refuses a folder that cannot become a dataset once all is predicted.
///
/// # Errors
/// When it is used, or overlays go into it, or the points have no box.
pub(super) fn check(annotations: &Path, out: &Path, scheme: &Scheme) -> Result<()> {
    check_new(annotations)?;
    if std::path::absolute(out)?.starts_with(std::path::absolute(annotations)?) {
        let (annotations, out) = (annotations.display(), out.display());
        let reason = format!("--annotations {annotations}: expected a folder without the overlays of --out {out}");
        return Err(Usage(reason).into());
    }
    if scheme.len() < 2 {
        let reason = format!("--annotations: expected a network of several points, got one of {}", scheme.name());
        return Err(Usage(reason).into());
    }
    Ok(())
}

/// Writes the faces of `results`, which belong to `pictures`, and copies of the pictures into the new folder `out`;
/// `None` where there is no face. A photo that the camera turned, or that is decoded at a part of its size, is written
/// as its points see it.
pub(super) fn write(
    (pictures, results): (&[PathBuf], &[PictureResult]),
    (scheme, network): (&Arc<Scheme>, &str),
    form: Form,
    out: &Path,
) -> Result<Option<Converted>> {
    let found = pictures.iter().zip(results).filter(|(_, result)| !result.faces.is_empty());
    let found = found.map(|(p, result)| Ok((p.canonicalize().with_context(|| p.display().to_string())?, result)));
    let found = found.collect::<Result<Vec<_>>>()?;
    if found.is_empty() {
        return Ok(None);
    }
    let root = common(found.iter().map(|(picture, _)| picture.as_path()));
    let (copies, mut taken, mut all) = (tempfile::tempdir()?, HashSet::new(), Vec::new());
    for (i, (picture, result)) in found.iter().enumerate() {
        let photo = load_photo(picture)?;
        let name = name_of(picture, &root, &mut taken)?;
        let copy = copy(picture, &photo, &name, &copies.path().join(i.to_string()))?;
        for (k, face) in result.faces.iter().enumerate() {
            let shown = |&(x, y, _): &(f64, f64, Option<f64>)| photo.to_image.apply(Point::new(x, y));
            let points: Vec<Point> = face.points.iter().map(shown).collect();
            let id = if k == 0 { name.clone() } else { format!("{name}#{}", k + 1) };
            let [x, y, width, height] = face.face;
            let face = Rect::around(&points).unwrap_or(Rect::new(x, y, width, height));
            let count = || format!("{id}: expected {} points", scheme.len());
            let points = Keypoints::new(scheme, points).with_context(count)?;
            all.push(Annotation { id, picture: copy.clone(), subject: None, face, points });
        }
    }
    let title = format!("points that {network} predicted");
    let about = About { scheme, title: &title, synthetic: false, lists: BTreeMap::new(), decode: None };
    Ok(Some(write_folder(&about, all, form, out)?))
}

/// What a picture's faces are called: its path below `root` without its extension, with a number where another picture
/// has that name.
fn name_of(picture: &Path, root: &Path, taken: &mut HashSet<String>) -> Result<String> {
    let below = picture.strip_prefix(root).unwrap_or(picture).with_extension("");
    let parts = below.iter().map(|part| part.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let name = parts.with_context(|| format!("{}: expected a name in UTF-8", picture.display()))?.join("/");
    let numbered = |n: usize| if n == 1 { name.clone() } else { format!("{name}_{n}") };
    Ok((1..).map(numbered).find(|name| taken.insert(name.clone())).unwrap_or_default())
}

/// The picture, where its points are those of the file and it has that name; else a copy in the new folder `folder`.
fn copy(picture: &Path, photo: &Picture, name: &str, folder: &Path) -> Result<PathBuf> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let is_same = photo.orientation == 1 && Size::of(&photo.image) == photo.original;
    if is_same && picture.file_stem().is_some_and(|own| own == stem) {
        return Ok(picture.to_path_buf());
    }
    std::fs::create_dir(folder)?;
    let kind = picture.extension().filter(|_| is_same).map_or("png".into(), |kind| kind.to_string_lossy());
    let copy = folder.join(format!("{stem}.{kind}"));
    if is_same {
        std::fs::copy(picture, &copy)?;
    } else {
        std::fs::write(&copy, visualize::png(&photo.image)?)?;
    }
    Ok(copy)
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
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_begin_below_what_is_common_and_are_used_once() {
        let of = |files: &[&str]| common(files.iter().map(Path::new));
        assert_eq!(of(&["/a/b/1.jpg", "/a/b/2.jpg"]), Path::new("/a/b"));
        assert_eq!(of(&["/a/b/1.jpg", "/a/bc/2.jpg"]), Path::new("/a"));
        assert_eq!(of(&["/a/1.jpg", "/b/1.jpg"]), Path::new("/"));
        assert_eq!(of(&[]), Path::new(""));
        let mut taken = HashSet::new();
        let names = ["/a/b/1.jpg", "/a/b/1.png", "/a/2024.05.jpg"];
        let names = names.map(|file| name_of(Path::new(file), Path::new("/a"), &mut taken).unwrap());
        assert_eq!(names, ["b/1", "b/1_2", "2024.05"]);
    }
}

//! COCO's keypoints as JSON: `images`, `annotations` with `keypoints` (x, y, v for each point), `categories` with the
//! points' names.
//!
//! Keypoints are pixels, the first pixel's center at 0. `v` 0 is a point that nobody marked; 1 (marked, but covered)
//! and 2 are annotated points here, and 2 is written for both. Crowds and annotations whose marked points have no
//! extent, for there are none or one, are skipped.

use super::Shape;
use crate::{
    error::{Error, Result},
    io::{self, write_whole},
};
use candle_vision_helpers::{Point, Rect, Size};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

/// The objects of a file, and what its points are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Coco {
    /// The category that the objects are of.
    pub category: String,
    /// Its points' names.
    pub names: Vec<String>,
    /// In the order of the file.
    pub objects: Vec<Object>,
    /// Crowds, and annotations whose marked points have no extent.
    pub skipped: usize,
}

/// One object in one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Path of the picture below the file's folder.
    pub file: String,
    /// Size that the picture has to have, where the file says it.
    pub size: Option<Size>,
    /// Its points; the file knows no lines of them.
    pub shape: Shape,
    /// The annotation's number, for errors.
    pub id: u64,
    /// The annotation's place in the file's list, from 0.
    pub index: usize,
}

/// What is read of a file; tools disagree on everything else.
#[derive(Deserialize)]
struct Raw {
    images: Vec<RawImage>,
    annotations: Vec<RawAnnotation>,
    categories: Vec<RawCategory>,
}

#[derive(Deserialize, Serialize)]
struct RawImage {
    id: u64,
    file_name: String,
    #[serde(default)]
    width: usize,
    #[serde(default)]
    height: usize,
}

#[derive(Deserialize)]
struct RawAnnotation {
    #[serde(default)]
    id: u64,
    image_id: u64,
    category_id: u64,
    keypoints: Option<Vec<f64>>,
    iscrowd: Option<Crowd>,
}

/// Written as 0 and 1 or as false and true.
#[derive(Deserialize)]
#[serde(untagged)]
enum Crowd {
    Number(u64),
    Switch(bool),
}

#[derive(Deserialize)]
struct RawCategory {
    id: u64,
    name: String,
    #[serde(default)]
    keypoints: Vec<String>,
}

/// Whether a text is of this form, by its keys alone: what else is wrong with it is said when it is read.
pub(crate) fn is_one(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && ["images", "annotations", "categories"].iter().all(|key| text.contains(&format!("\"{key}\"")))
}

/// Reads a file; `None` where no category has keypoints, as in COCO's lists of boxes.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line where the parser knows it, else the annotation's number.
pub fn read(path: &Path) -> Result<Option<Coco>> {
    parse(path, &io::read_text(path)?)
}

/// [`read`] on text; `path` is for the errors.
///
/// # Errors
/// When it breaks the format, names a picture or a category that it does not list, or has objects of several categories
/// with points.
pub fn parse(path: &Path, text: &str) -> Result<Option<Coco>> {
    let raw: Raw = serde_json::from_str(text).map_err(|e| {
        let line = (e.line() > 0).then(|| e.line());
        Error::format(path, line, "COCO keypoints (images, annotations, categories)", e.to_string().replace('\n', " "))
    })?;
    let mut images: HashMap<u64, &RawImage> = HashMap::new();
    if let Some(again) = raw.images.iter().find(|i| images.insert(i.id, i).is_some()) {
        return Err(Error::format(path, None, "every image's id once", format!("{} again", again.id)));
    }
    let with_points = |id: u64| raw.categories.iter().find(|c| c.id == id).filter(|c| !c.keypoints.is_empty());
    let (mut objects, mut skipped, mut of) = (Vec::new(), 0, BTreeSet::new());
    let mut category = None;
    for (index, a) in raw.annotations.iter().enumerate() {
        let fail = |expected: String, got: String| {
            Err(Error::format(path, None, format!("annotation {} with {expected}", a.id), got))
        };
        if !raw.categories.iter().any(|c| c.id == a.category_id) {
            return fail("a category that is listed".into(), a.category_id.to_string());
        }
        let Some(c) = with_points(a.category_id) else { continue };
        let Some(image) = images.get(&a.image_id) else {
            return fail("an image that is listed".into(), a.image_id.to_string());
        };
        let values = 3 * c.keypoints.len();
        let keypoints = a.keypoints.as_deref().unwrap_or_default();
        let is_crowd = matches!(a.iscrowd, Some(Crowd::Number(1..) | Crowd::Switch(true)));
        if is_crowd || keypoints.is_empty() {
            skipped += 1;
            continue;
        }
        if keypoints.len() != values {
            return fail(format!("{values} values for {} keypoints", c.keypoints.len()), keypoints.len().to_string());
        }
        if let Some(bad) = keypoints.iter().find(|v| !v.is_finite()) {
            return fail("finite numbers".into(), bad.to_string());
        }
        let (triples, _) = keypoints.as_chunks::<3>();
        if let Some([.., v]) = triples.iter().find(|[.., v]| ![0.0, 1.0, 2.0].contains(v)) {
            return fail("a visibility of 0, 1 or 2".into(), v.to_string());
        }
        let visible: Vec<bool> = triples.iter().map(|[.., v]| *v > 0.0).collect();
        let points: Vec<Point> = triples.iter().map(|&[x, y, _]| Point::new(x, y)).collect();
        let marked: Vec<Point> = points.iter().zip(&visible).filter(|(_, v)| **v).map(|(p, _)| *p).collect();
        of.insert(c.name.as_str());
        category = Some(c);
        if !Rect::around(&marked).is_some_and(|r| r.width > 0.0 && r.height > 0.0) {
            skipped += 1;
            continue;
        }
        let size = (image.width > 0 && image.height > 0).then(|| Size::new(image.width, image.height));
        let shape = Shape { points, visible, lines: Vec::new() };
        objects.push(Object { file: image.file_name.clone(), size, shape, id: a.id, index });
    }
    let category = category.or_else(|| raw.categories.iter().find(|c| !c.keypoints.is_empty()));
    let Some(category) = category else { return Ok(None) };
    if of.len() > 1 {
        let all: Vec<&str> = of.into_iter().collect();
        return Err(Error::format(path, None, "keypoints of one category", all.join(", ")));
    }
    Ok(Some(Coco { category: category.name.clone(), names: category.keypoints.clone(), objects, skipped }))
}

/// A picture to be written, with its objects' points, visibility and boxes.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Path below the file's folder.
    pub file: String,
    /// Size in pixels.
    pub size: Size,
    /// Each object's points, whether they are marked, and its box, 0-based pixels.
    pub objects: Vec<(Vec<Point>, Vec<bool>, Rect)>,
}

#[derive(Serialize)]
struct File<'a> {
    images: Vec<RawImage>,
    annotations: Vec<Written>,
    categories: [Category<'a>; 1],
}

#[derive(Serialize)]
struct Written {
    id: u64,
    image_id: u64,
    category_id: u64,
    keypoints: Vec<f64>,
    num_keypoints: usize,
    iscrowd: u8,
    bbox: [f64; 4],
    area: f64,
}

#[derive(Serialize)]
struct Category<'a> {
    id: u64,
    name: &'a str,
    keypoints: &'a [String],
    skeleton: Vec<[usize; 2]>,
}

/// Writes a file of one category; `skeleton` are pairs of joined points, 0-based.
///
/// # Errors
/// When it cannot be written; no partial file is left.
pub fn write(
    path: &Path,
    category: &str,
    names: &[String],
    skeleton: &[[usize; 2]],
    pictures: &[Picture],
) -> Result<()> {
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for (i, picture) in (1u64..).zip(pictures) {
        let Size { width, height } = picture.size;
        images.push(RawImage { id: i, file_name: picture.file.clone(), width, height });
        for (points, visible, bounds) in &picture.objects {
            let triple = |(p, v): (&Point, &bool)| if *v { [p.x, p.y, 2.0] } else { [0.0; 3] };
            annotations.push(Written {
                id: annotations.len() as u64 + 1,
                image_id: i,
                category_id: 1,
                keypoints: points.iter().zip(visible).flat_map(triple).collect(),
                num_keypoints: visible.iter().filter(|v| **v).count(),
                iscrowd: 0,
                // the box's edges are the pixels' edges there
                bbox: [bounds.x + 0.5, bounds.y + 0.5, bounds.width, bounds.height],
                area: bounds.width * bounds.height,
            });
        }
    }
    // COCO counts the points of a skeleton from 1
    let skeleton: Vec<_> = skeleton.iter().map(|pair| pair.map(|i| i + 1)).collect();
    let categories = [Category { id: 1, name: category, keypoints: names, skeleton }];
    let raw = File { images, annotations, categories };
    let text = serde_json::to_vec_pretty(&raw).map_err(|e| Error::Invalid(format!("{}: {e}", path.display())))?;
    write_whole(path, &text)
}

//! COCO's keypoints as JSON: `images`, `annotations` with `keypoints` (x, y, v for each point), `categories` with the
//! points' names.
//!
//! Keypoints are pixels, the first pixel's center at 0. `v` 0 is a point that nobody marked; 1 (marked, but covered)
//! and 2 are annotated points here, and 2 is written for both. Crowds and annotations without a marked point are
//! skipped.

use super::Shape;
use crate::{
    error::{Error, Result},
    io::{self, write_whole},
};
use candle_vision_helpers::{Point, Rect, Size};
use serde::{Deserialize, Serialize, de::IgnoredAny};
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
    /// Crowds, and annotations without a marked point.
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
}

#[derive(Deserialize, Serialize)]
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

#[derive(Deserialize, Serialize)]
struct RawAnnotation {
    #[serde(default)]
    id: u64,
    image_id: u64,
    category_id: u64,
    #[serde(default)]
    keypoints: Vec<f64>,
    #[serde(default)]
    num_keypoints: usize,
    #[serde(default)]
    iscrowd: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bbox: Vec<f64>,
    #[serde(default)]
    area: f64,
}

#[derive(Deserialize, Serialize)]
struct RawCategory {
    id: u64,
    name: String,
    #[serde(default)]
    keypoints: Vec<String>,
    #[serde(default)]
    skeleton: Vec<[usize; 2]>,
}

/// Whether a text is of this form, by its keys alone.
pub(crate) fn is_one(text: &str) -> bool {
    let keys = serde_json::from_str::<HashMap<String, IgnoredAny>>(text);
    keys.is_ok_and(|keys| ["images", "annotations", "categories"].iter().all(|k| keys.contains_key(*k)))
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line where the parser knows it, else the annotation's number.
pub fn read(path: &Path) -> Result<Coco> {
    parse(path, &io::read_text(path)?)
}

/// [`read`] on text; `path` is for the errors.
///
/// # Errors
/// When it breaks the format, names a picture or a category that it does not list, has objects of several categories
/// with points, or of none.
pub fn parse(path: &Path, text: &str) -> Result<Coco> {
    let raw: Raw = serde_json::from_str(text).map_err(|e| {
        let line = (e.line() > 0).then(|| e.line());
        Error::format(path, line, "COCO keypoints (images, annotations, categories)", e.to_string().replace('\n', " "))
    })?;
    let images: HashMap<u64, &RawImage> = raw.images.iter().map(|i| (i.id, i)).collect();
    let with_points = |id: u64| raw.categories.iter().find(|c| c.id == id).filter(|c| !c.keypoints.is_empty());
    let (mut objects, mut skipped, mut of) = (Vec::new(), 0, BTreeSet::new());
    let mut category = None;
    for a in &raw.annotations {
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
        if a.iscrowd != 0 || a.keypoints.is_empty() {
            skipped += 1;
            continue;
        }
        if a.keypoints.len() != values {
            return fail(format!("{values} values for {} keypoints", c.keypoints.len()), a.keypoints.len().to_string());
        }
        if let Some(bad) = a.keypoints.iter().find(|v| !v.is_finite()) {
            return fail("finite numbers".into(), bad.to_string());
        }
        let (triples, _) = a.keypoints.as_chunks::<3>();
        if let Some([.., v]) = triples.iter().find(|[.., v]| ![0.0, 1.0, 2.0].contains(v)) {
            return fail("a visibility of 0, 1 or 2".into(), v.to_string());
        }
        let visible: Vec<bool> = triples.iter().map(|[.., v]| *v > 0.0).collect();
        if !visible.contains(&true) {
            skipped += 1;
            continue;
        }
        of.insert(c.name.as_str());
        category = Some(c);
        let points = triples.iter().map(|&[x, y, _]| Point::new(x, y)).collect();
        let size = (image.width > 0 && image.height > 0).then(|| Size::new(image.width, image.height));
        let shape = Shape { points, visible, lines: Vec::new() };
        objects.push(Object { file: image.file_name.clone(), size, shape, id: a.id });
    }
    let Some(category) = category else {
        return Err(Error::format(path, None, "an annotation with marked keypoints", "none"));
    };
    if of.len() > 1 {
        let all: Vec<&str> = of.into_iter().collect();
        return Err(Error::format(path, None, "keypoints of one category", all.join(", ")));
    }
    Ok(Coco { category: category.name.clone(), names: category.keypoints.clone(), objects, skipped })
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
            annotations.push(RawAnnotation {
                id: annotations.len() as u64 + 1,
                image_id: i,
                category_id: 1,
                keypoints: points.iter().zip(visible).flat_map(triple).collect(),
                num_keypoints: visible.iter().filter(|v| **v).count(),
                iscrowd: 0,
                // the box's edges are the pixels' edges there
                bbox: vec![bounds.x + 0.5, bounds.y + 0.5, bounds.width, bounds.height],
                area: bounds.width * bounds.height,
            });
        }
    }
    // COCO counts the points of a skeleton from 1
    let skeleton = skeleton.iter().map(|pair| pair.map(|i| i + 1)).collect();
    let category = RawCategory { id: 1, name: category.to_owned(), keypoints: names.to_vec(), skeleton };
    let raw = Raw { images, annotations, categories: vec![category] };
    let text = serde_json::to_vec_pretty(&raw).map_err(|e| Error::Invalid(format!("{}: {e}", path.display())))?;
    write_whole(path, &text)
}

//! Lists of whole photos with every face's box, as JSON:
//! `[{"file": "a.jpg", "width": 640, "height": 480, "faces": [{"box": [x, y, w, h]}]}]`.
//!
//! Boxes cover their pixels whole: the picture's left edge is at 0 in the file and at -0.5 here. Other keys are
//! skipped, a face's `points` among them.

use super::quoted;
use crate::{
    error::{Error, Result},
    io,
};
use candle_vision_helpers::{Rect, Size};
use serde::Deserialize;
use std::{collections::HashSet, path::Path};

/// A photo as its list gives it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawPhoto")]
pub struct Photo {
    /// Path of the picture below the list's folder.
    pub file: String,
    /// Size that the picture has to have.
    pub size: Size,
    /// Every face's box, pixels.
    pub faces: Vec<Rect>,
}

#[derive(Deserialize)]
struct RawPhoto {
    file: String,
    width: usize,
    height: usize,
    faces: Vec<Face>,
}

#[derive(Deserialize)]
#[serde(try_from = "RawFace")]
struct Face(Rect);

#[derive(Deserialize)]
struct RawFace {
    #[serde(rename = "box")]
    bounds: [f64; 4],
}

// Checks stand within the parser, which knows the line.
impl TryFrom<RawFace> for Face {
    type Error = String;

    fn try_from(raw: RawFace) -> std::result::Result<Self, String> {
        let [x, y, w, h] = raw.bounds;
        if raw.bounds.iter().all(|v| v.is_finite()) && w > 0.0 && h > 0.0 {
            Ok(Self(Rect::new(x - 0.5, y - 0.5, w, h)))
        } else {
            Err(format!("a box without an area: {:?}", raw.bounds))
        }
    }
}

impl TryFrom<RawPhoto> for Photo {
    type Error = String;

    fn try_from(RawPhoto { file, width, height, faces }: RawPhoto) -> std::result::Result<Self, String> {
        let size = Size::new(width, height);
        let faces: Vec<Rect> = faces.into_iter().map(|Face(bounds)| bounds).collect();
        match faces.iter().position(|bounds| bounds.shared_area(size.area()) <= 0.0) {
            Some(i) => Err(format!("box {i} of {} outside of its {width}x{height} pixels", quoted(&file))),
            None => Ok(Self { file, size, faces }),
        }
    }
}

/// Reads a list.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line.
pub fn read(path: &Path) -> Result<Vec<Photo>> {
    parse(path, &io::read_text(path)?)
}

/// [`read`] on text; `path` is for the errors.
///
/// # Errors
/// When it is no such list, a box has no area or lies outside of its picture, or a picture is listed twice.
pub fn parse(path: &Path, text: &str) -> Result<Vec<Photo>> {
    let photos: Vec<Photo> = serde_json::from_str(text).map_err(|e| {
        let words = e.to_string();
        let place = format!(" at line {} column {}", e.line(), e.column());
        let got = match words.strip_suffix(&place) {
            Some(words) => format!("{words} (column {})", e.column()),
            None => words,
        };
        let expected = "photos with boxes ([{file, width, height, faces: [{box: [x, y, w, h]}]}])";
        Error::format(path, (e.line() > 0).then(|| e.line()), expected, got)
    })?;
    let mut seen = HashSet::new();
    match photos.iter().find(|photo| !seen.insert(&photo.file)) {
        Some(again) => Err(Error::format(path, None, "every picture once", format!("{} twice", quoted(&again.file)))),
        None => Ok(photos),
    }
}

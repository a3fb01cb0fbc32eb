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
#[derive(Clone, Debug, PartialEq)]
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
struct Face {
    #[serde(rename = "box")]
    bounds: Bounds,
}

#[derive(Deserialize)]
#[serde(try_from = "[f64; 4]")]
struct Bounds(Rect);

// The check stands within the parser, which knows the line.
impl TryFrom<[f64; 4]> for Bounds {
    type Error = String;

    fn try_from(raw: [f64; 4]) -> std::result::Result<Self, String> {
        let [x, y, w, h] = raw;
        if raw.iter().all(|v| v.is_finite()) && w > 0.0 && h > 0.0 {
            Ok(Self(Rect::new(x - 0.5, y - 0.5, w, h)))
        } else {
            Err(format!("a box without an area: {raw:?}"))
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
/// When it is no such list, a box has no area or lies wholly outside of its picture, or a picture is listed twice.
pub fn parse(path: &Path, text: &str) -> Result<Vec<Photo>> {
    let raw: Vec<RawPhoto> = serde_json::from_str(text).map_err(|e| {
        let words = e.to_string();
        let place = format!(" at line {} column {}", e.line(), e.column());
        let got = match words.strip_suffix(&place) {
            Some(words) => format!("{words} (column {})", e.column()),
            None => words,
        };
        let expected = "photos with boxes ([{file, width, height, faces: [{box: [x, y, w, h]}]}])";
        Error::format(path, (e.line() > 0).then(|| e.line()), expected, got)
    })?;
    let fail = |expected: String, got: String| Err(Error::format(path, None, expected, got));
    let mut seen = HashSet::new();
    let photo = |RawPhoto { file, width, height, faces }: RawPhoto| {
        let size = Size::new(width, height);
        if !seen.insert(file.clone()) {
            return fail("every picture once".into(), format!("{} twice", quoted(&file)));
        }
        let faces: Vec<Rect> = faces.iter().map(|face| face.bounds.0).collect();
        match faces.iter().enumerate().find(|(_, bounds)| bounds.shared_area(size.area()) <= 0.0) {
            Some((i, b)) => {
                let expected = format!("box {i} of {} within its {width}x{height} pixels", quoted(&file));
                fail(expected, format!("{:?}", [b.x + 0.5, b.y + 0.5, b.width, b.height]))
            }
            None => Ok(Photo { file, size, faces }),
        }
    };
    raw.into_iter().map(photo).collect()
}

//! Annotation files, parsed and written; every coordinate becomes 0-based pixels, the first pixel's center at (0, 0).
//!
//! A parser knows only its text; whether the picture is there and fits is checked by the datasets.

pub mod asf;
pub mod coco;
pub mod imglab_xml;
pub mod photo_boxes;
pub mod pts;

use crate::error::{Error, Result};
use candle_vision_helpers::Point;
use std::path::Path;

/// The points of one face as its file gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// 0-based pixels; without meaning where a point is hidden.
    pub points: Vec<Point>,
    /// For each point, whether it is annotated; the others are marked as hidden.
    pub visible: Vec<bool>,
    /// For each point, its line, 1-based.
    pub lines: Vec<usize>,
}

/// Whether a point as its file wrote it, before any conversion, is what tools write for "not visible".
fn is_mark(raw: Point) -> bool {
    (raw.x == -1.0 && raw.y == -1.0) || (raw.x == 0.0 && raw.y == 0.0)
}

/// Which points of one face are visible: a point that was written as exactly `-1 -1` or `0 0` is hidden when more than
/// half of the face's other points are elsewhere. `raw` are the numbers of the file, before conversion.
///
/// # Errors
/// When most points are such marks: it is unknown then which of them are points in the picture's corner.
fn visible(path: &Path, line: Option<usize>, raw: impl Iterator<Item = Point>) -> Result<Vec<bool>> {
    let visible: Vec<bool> = raw.map(|p| !is_mark(p)).collect();
    let (all, elsewhere) = (visible.len(), visible.iter().filter(|&&v| v).count());
    if elsewhere * 2 < all {
        let got = format!("mostly marks of hidden ones (-1 -1 or 0 0): {} of {all}", all - elsewhere);
        return Err(Error::format(path, line, "points", got));
    }
    Ok(visible)
}

/// A finite number, or an error that names the place and what the number is for.
pub(crate) fn number(path: &Path, line: usize, what: &str, text: &str) -> Result<f64> {
    match text.parse::<f64>() {
        Ok(v) if v.is_finite() => Ok(v),
        _ => Err(Error::format(path, Some(line), format!("a number for {what}"), quoted(text))),
    }
}

/// A whole number from 0.
fn index(path: &Path, line: usize, what: &str, text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::format(path, Some(line), format!("a whole number for {what}"), quoted(text)))
}

/// Someone else's text within an error: on one line, short.
pub(crate) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

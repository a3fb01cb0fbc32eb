//! Annotation files, parsed and written; every coordinate becomes 0-based pixels, the first pixel's centre at (0, 0).
//!
//! A parser knows only its text; whether the picture is there and fits is the datasets' business.

pub mod asf;
pub mod imglab_xml;
pub mod pts;

use crate::{Error, Result};
use std::path::Path;

/// A finite number, or an error that names the place and what the number is for.
fn number(path: &Path, line: usize, what: &str, text: &str) -> Result<f64> {
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
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

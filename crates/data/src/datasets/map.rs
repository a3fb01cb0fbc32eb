//! Annotations of one scheme measured as another: a file says which of the one's points the other's are.

use crate::{
    dataset::Dataset,
    datasets::subset::{self, Boxed},
    error::{Error, Result},
    io,
    scheme::{self, Scheme},
};
use serde::Deserialize;
use std::{path::Path, sync::Arc};

/// Such a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PointMap {
    /// How many points the data have.
    of: usize,
    /// For each point that is wanted, its index among them.
    points: Vec<usize>,
}

/// `set` with the points of `scheme`, by the map in `file`: TOML with `of`, the number of points that the data have,
/// and `points`, for each point of the scheme its index among them, from 0. Boxes and lengths are those of the points
/// that are left.
///
/// # Errors
/// When the file is no such map, does not fit the data or the scheme, or no face shows any of the points.
pub fn mapped(set: Box<dyn Dataset>, scheme: &Arc<Scheme>, file: &Path) -> Result<Box<dyn Dataset>> {
    let PointMap { of, points } = scheme::read_toml(file, "a map of points", &io::read_text(file)?)?;
    let wrong = |expected: String, got: String| Err(Error::format(file, None, expected, got));
    if of != set.scheme().len() {
        return wrong(format!("of = {}, as many as the {} have", set.scheme().len(), set.describe()), of.to_string());
    }
    if points.len() != scheme.len() {
        let (count, name) = (scheme.len(), scheme.name());
        return wrong(format!("{count} points, one for each of {name}"), points.len().to_string());
    }
    if let Some(point) = points.iter().find(|&&i| i >= of) {
        return wrong(format!("points below {of}"), point.to_string());
    }
    subset::chosen(set, scheme, points, Boxed::Part)
}

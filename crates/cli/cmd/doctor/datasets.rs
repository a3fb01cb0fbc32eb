//! The datasets in the data folder, with every annotation read and no picture.

use crate::output::one_line;
use facekp_data::{
    Error,
    datasets::{Found, find},
};
use serde::Serialize;
use std::{fmt, path::Path};

/// A dataset that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entry {
    pub path: String,
    pub kind: Option<&'static str>,
    pub faces: Option<usize>,
    pub scheme: Option<String>,
    pub points: Option<usize>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        if let Some(kind) = self.kind {
            write!(f, "{kind}, ")?;
        }
        if let Some(error) = &self.error {
            return write!(f, "broken: {error}");
        }
        let (faces, points) = (self.faces.unwrap_or(0), self.points.unwrap_or(0));
        write!(f, "{faces} faces, {points} points ({})", self.scheme.as_deref().unwrap_or_default())
    }
}

/// What `dir` holds; a folder that is not there holds nothing.
pub(super) fn all(dir: &Path) -> Vec<Entry> {
    match find(dir) {
        Ok(found) => found.iter().map(entry).collect(),
        Err(Error::Empty { .. }) => Vec::new(),
        Err(e) => {
            vec![Entry { path: dir.display().to_string(), error: Some(one_line(&e.into())), ..Entry::default() }]
        }
    }
}

fn entry(found: &Found) -> Entry {
    let about = Entry { path: found.path.display().to_string(), kind: Some(found.kind.name()), ..Entry::default() };
    match found.open_plain() {
        Ok(set) => {
            let scheme = set.scheme();
            let (name, points) = (Some(scheme.name().to_owned()), Some(scheme.len()));
            Entry { faces: Some(set.len()), scheme: name, points, ..about }
        }
        Err(e) => Entry { error: Some(one_line(&e.into())), ..about },
    }
}

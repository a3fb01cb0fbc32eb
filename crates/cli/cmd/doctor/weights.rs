//! The weights that are found by a name, as their headers tell them.

use crate::output::one_line;
use anyhow::{Context, Result};
use facekp_models::{WeightsKind, known_weights, locate};
use serde::Serialize;
use std::{fmt, fs};

/// A name of weights, and what it means.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entry {
    pub name: String,
    pub path: Option<String>,
    pub bytes: Option<u64>,
    /// `network`, `face finder` or `tensors`.
    pub kind: Option<&'static str>,
    pub scheme: Option<String>,
    pub points: Option<usize>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            return write!(f, "{}: broken: {error}", self.name);
        }
        write!(f, "{}: {:.1} MB, ", self.name, self.bytes.unwrap_or(0) as f64 / 1e6)?;
        match (self.points, &self.scheme) {
            (Some(points), Some(scheme)) => {
                write!(f, "{points} point{} ({scheme})", if points == 1 { "" } else { "s" })?;
            }
            _ => f.write_str(self.kind.unwrap_or_default())?,
        }
        write!(f, ", {}", self.path.as_deref().unwrap_or_default())
    }
}

/// What each known name means, by name.
pub(super) fn all() -> Vec<Entry> {
    known_weights().into_iter().map(entry).collect()
}

fn entry(name: String) -> Entry {
    let mut entry = Entry { name, ..Entry::default() };
    entry.error = look(&mut entry).err().as_ref().map(one_line);
    entry
}

/// Fills in what the file says of itself.
fn look(entry: &mut Entry) -> Result<()> {
    let path = locate(&entry.name)?;
    entry.path = Some(path.display().to_string());
    entry.bytes = Some(fs::metadata(&path).with_context(|| path.display().to_string())?.len());
    match WeightsKind::read(&path)? {
        WeightsKind::Network(manifest) => {
            let scheme = &manifest.task.scheme;
            entry.kind = Some("network");
            (entry.scheme, entry.points) = (Some(scheme.name().to_owned()), Some(scheme.len()));
        }
        WeightsKind::Finder(_) => entry.kind = Some("face finder"),
        WeightsKind::Tensors => entry.kind = Some("tensors"),
    }
    Ok(())
}

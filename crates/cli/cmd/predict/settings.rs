//! What decides what the lines of a `--jsonl` file say, in a file beside it: others are not added to them.

use super::Args;
use crate::{output::write_file, weights_manifest::sha256};
use anyhow::{Context, Result, bail};
use facekp_data::picture::max_pixels;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Networks by the hashes of their files, and options by their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Those of a call that reads the weights files `weights` and `finder`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn of(a: &Args, weights: &Path, finder: Option<&Path>) -> Result<Self> {
        let face = a.face.map(|f| format!("{},{},{},{}", f.x, f.y, f.width, f.height));
        let all = [
            ("network", sha256(weights)?),
            ("face finder", finder.map_or(Ok("none".into()), sha256)?),
            ("--faces", text(a.faces.0, "all")),
            ("--smallest", text(a.smallest, "default")),
            ("--box", text(face, "none")),
            ("--no-flip", a.no_flip.to_string()),
            ("--heatmap", a.heatmap.to_string()),
            ("--crop", a.crop.to_string()),
            ("--max-pixels", max_pixels().to_string()),
            ("--shard", text(a.shard, "all")),
        ];
        Ok(Self(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    /// The file beside `jsonl`.
    pub(super) fn beside(jsonl: &Path) -> PathBuf {
        let mut name = jsonl.as_os_str().to_owned();
        name.push(".run");
        name.into()
    }

    /// What stands beside `jsonl`; `None` where nothing does.
    ///
    /// # Errors
    /// When it cannot be read, or is not of this program.
    pub(super) fn read(jsonl: &Path) -> Result<Option<Self>> {
        let path = Self::beside(jsonl);
        let text = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| path.display().to_string())?,
        };
        match serde_json::from_slice(&text) {
            Ok(settings) => Ok(Some(settings)),
            Err(_) => bail!("{}: expected what {} was made with, got other text", path.display(), jsonl.display()),
        }
    }

    /// Writes the file beside `jsonl`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, jsonl: &Path) -> Result<()> {
        write_file(&Self::beside(jsonl), (serde_json::to_string_pretty(self)? + "\n").as_bytes())
    }

    /// Removes the file beside `jsonl`, where it is one.
    pub(super) fn forget(jsonl: &Path) {
        if matches!(Self::read(jsonl), Ok(Some(_))) {
            fs::remove_file(Self::beside(jsonl)).ok();
        }
    }

    /// What is no longer the same.
    pub(super) fn difference(&self, now: &Self) -> Option<String> {
        let names = self.0.keys().chain(now.0.keys().filter(|name| !self.0.contains_key(*name)));
        let value = |of: &Self, name: &str| of.0.get(name).cloned().unwrap_or("unknown".into());
        let change = |name: &String| {
            let (then, now) = (value(self, name), value(now, name));
            (then != now).then(|| format!("{name}: {then} then, {now} now"))
        };
        let all: Vec<String> = names.filter_map(change).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

fn text(value: Option<impl ToString>, without: &str) -> String {
    value.map_or(without.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn they_are_kept_beside_the_file_and_say_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        let jsonl = dir.path().join("all.jsonl");
        assert_eq!(Settings::read(&jsonl).unwrap(), None);
        let then = settings(&[("--faces", "all"), ("--shard", "1/2"), ("old", "x")]);
        fs::write(dir.path().join(".all.jsonl.run.12-3.part"), "{").unwrap();
        fs::write(dir.path().join(".other.run.12-3.part"), "{").unwrap();
        then.write(&jsonl).unwrap();
        assert_eq!(Settings::read(&jsonl).unwrap(), Some(then.clone()));
        let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".other.run.12-3.part", "all.jsonl.run"]);
        let now = settings(&[("--faces", "1"), ("--shard", "1/2"), ("new", "y")]);
        let words = "--faces: all then, 1 now; old: x then, unknown now; new: unknown then, y now";
        assert_eq!(then.difference(&now).unwrap(), words);
        assert_eq!(then.difference(&then), None);
        Settings::forget(&jsonl);
        assert_eq!(Settings::read(&jsonl).unwrap(), None);
        // a file of somebody else's is neither read nor removed
        fs::write(Settings::beside(&jsonl), "mine").unwrap();
        assert!(Settings::read(&jsonl).unwrap_err().to_string().contains("all.jsonl.run: expected what "));
        Settings::forget(&jsonl);
        assert!(Settings::beside(&jsonl).is_file());
    }
}

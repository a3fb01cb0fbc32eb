//! The names of all that a run writes: nothing else in its folder is ever removed or taken for a run's.

use super::{BEST, LAST, OPTIM, lock};
use crate::error::{Error, Result};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The run's recipe.
pub(super) const RECIPE: &str = "recipe.toml";
/// One line an epoch.
pub(super) const HISTORY: &str = "history.csv";

/// Every file of a run; each may also stand there as `NAME.next` and, while it is written, as `.NAME.PID-N.part`.
const FILES: [&str; 8] = [RECIPE, HISTORY, BEST, LAST, OPTIM, "eval.json", "predictions.json", lock::NAME];

/// What file managers leave in every folder that is looked at: neither in the way nor removed.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// What stands in a folder, before anything is written.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Whether it is a run's: by its lock, its checkpoint, or its recipe beside weights.
    pub started: bool,
    /// The weights that are there.
    pub weights: Option<&'static str>,
    /// Whether the checkpoint is there.
    pub optim: bool,
    /// Names of all that no run wrote; where there is no run, of everything.
    pub foreign: Vec<String>,
}

impl Survey {
    /// # Errors
    /// When `dir` is no folder or cannot be listed; one that does not exist is empty.
    pub(super) fn of(dir: &Path) -> Result<Self> {
        let has = |name: &&str| dir.join(name).is_file();
        let weights = [BEST, LAST].into_iter().find(has);
        let optim = has(&OPTIM);
        let all = entries(dir)?;
        let begins = |(path, own): &(PathBuf, bool)| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            *own && (name.ends_with(".next") || part_of(name).is_some())
        };
        let started = lock::is_ours(dir) || optim || (has(&RECIPE) && (weights.is_some() || all.iter().any(begins)));
        let is_litter = |path: &Path| LITTER.iter().any(|l| path.file_name() == Some(OsStr::new(l)));
        let others = all.into_iter().filter(|(_, own)| !started || !own).map(|(path, _)| path);
        let others = others.filter(|path| !is_litter(path));
        let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut foreign: Vec<String> = others.map(name).collect();
        foreign.sort();
        Ok(Self { started, weights, optim, foreign })
    }

    /// The first few foreign names, in words.
    pub(super) fn in_the_way(&self) -> String {
        const SHOWN: usize = 3;
        let names = self.foreign.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        match self.foreign.len().saturating_sub(SHOWN) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

/// The name of a file that waits for its epoch to be committed.
pub(super) fn next(name: &str) -> String {
    format!("{name}.next")
}

/// Whether a run writes a file of this name.
fn is_own(name: &str) -> bool {
    FILES.contains(&name.strip_suffix(".next").unwrap_or(name)) || is_part(name)
}

/// Which of a run's files a name such as `.NAME.PID-N.part` is the beginning of.
fn part_of(name: &str) -> Option<&str> {
    let file = facekp_data::part_of(name)?;
    let file = file.strip_suffix(".next").unwrap_or(file);
    FILES.contains(&file).then_some(file)
}

/// Whether it is the beginning of a run's file; in runs of the first version also `.tmp` and six letters or digits.
fn is_part(name: &str) -> bool {
    let random = |r: &str| r.len() == 6 && r.bytes().all(|b| b.is_ascii_alphanumeric());
    part_of(name).is_some() || name.strip_prefix(".tmp").is_some_and(random)
}

/// Everything in `dir`, and whether a run may have written it.
fn entries(dir: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let error = |e: std::io::Error| Error::Run { path: dir.to_owned(), reason: e.to_string() };
    let list = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        list => list.map_err(error)?,
    };
    let own = |entry: &fs::DirEntry| {
        let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
        !is_folder && entry.file_name().to_str().is_some_and(is_own)
    };
    list.map(|entry| entry.map(|e| (e.path(), own(&e))).map_err(error)).collect()
}

/// Removes a run's files that `which` names, but never its lock.
pub(super) fn remove(dir: &Path, which: impl Fn(&str) -> bool) -> Result<()> {
    for (path, own) in entries(dir)? {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if own && name != lock::NAME && which(name) {
            fs::remove_file(&path).map_err(|e| Error::Run { path: path.clone(), reason: e.to_string() })?;
        }
    }
    Ok(())
}

/// Removes what was being written when a run ended.
pub(super) fn remove_parts(dir: &Path) -> Result<()> {
    remove(dir, is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_runs_own_names_are_known() {
        let own =
            [".optim.safetensors.next.12-3.part", ".lock.7-0.part", "best.safetensors.next", "eval.json", ".tmpaB3xYz"];
        assert!(own.into_iter().all(is_own));
        let foreign = [
            ".notes.txt.12-3.part",
            ".eval.json.x-3.part",
            "best.safetensors.bak",
            "nose.safetensors",
            ".tmp",
            ".git",
            "next",
        ];
        assert!(!foreign.into_iter().any(is_own));
    }
}

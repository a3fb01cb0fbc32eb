//! Folders that appear whole or not at all.

use crate::error::{Error, Result};
use std::{fs, path::Path};

/// Fails where [`whole_folder`] would refuse to write, before any work is done.
///
/// # Errors
/// When something is in the folder, or it has no name.
pub(crate) fn check_new(out: &Path) -> Result<()> {
    let is_used = out.symlink_metadata().is_ok() && fs::read_dir(out).map_err(|e| Error::io(out, e))?.next().is_some();
    if is_used {
        return Err(Error::format(out, None, "a new or empty folder", "one with files in it"));
    }
    out.file_name().map(drop).ok_or_else(|| Error::format(out, None, "a folder's name", "none"))
}

/// Fills the new or empty folder `out`, which appears when all is written, or not at all: `fill` is given another one,
/// which then takes its name.
///
/// # Errors
/// As [`check_new`], and what `fill` and the system say.
pub(crate) fn whole_folder(out: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check_new(out)?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let part = out.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = new_folder(&part).and_then(|()| fill(&part)).and_then(|()| {
        if out.exists() {
            fs::remove_dir(out).map_err(|e| Error::io(out, e))?;
        }
        fs::rename(&part, out).map_err(|e| Error::io(out, e))
    });
    if written.is_err() {
        // The first error is what matters to the person.
        let _ = fs::remove_dir_all(&part);
    }
    written
}

fn new_folder(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    }
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))
}

//! WEIGHTS on the command line: a file, a run folder, or a name in `weights/`.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// The weights file that `name` means.
///
/// A name is looked for in `$FACEKP_WEIGHTS`, in `weights/` of this folder and those above it, beside the program, and in the
/// source tree that the program was built from.
pub fn locate(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.is_dir() {
        let best = path.join("best.safetensors");
        return if best.is_file() {
            Ok(best)
        } else {
            bail!("{name}: expected a run folder with best.safetensors, found none")
        };
    }
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    if path.components().count() > 1 || path.extension().is_some() {
        bail!("{name}: no such weights file or run folder");
    }
    let folders = folders();
    let file = format!("{name}.safetensors");
    if let Some(found) = folders.iter().map(|d| d.join(&file)).find(|p| p.is_file()) {
        return Ok(found);
    }
    let known = known(&folders);
    let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
    bail!("{name}: no such weights file, run folder or name; names in weights/: {known}")
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("FACEKP_WEIGHTS").map(PathBuf::from).into_iter().collect();
    let mut above = |start: Option<PathBuf>| {
        if let Some(start) = start {
            folders.extend(start.ancestors().map(|d| d.join("weights")));
        }
    };
    above(std::env::current_dir().ok());
    above(std::env::current_exe().ok());
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights"));
    folders
}

fn known(folders: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = folders
        .iter()
        .filter_map(|d| std::fs::read_dir(d).ok())
        .flatten()
        .filter_map(|e| {
            let p = e.ok()?.path();
            (p.extension()? == "safetensors").then(|| p.file_stem()?.to_str().map(str::to_owned))?
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

//! What a name of weights means: one search for the command line and for the weights that a recipe starts from.

use crate::error::{Error, Result};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// A run folder's weights, which its name stands for.
const BEST: &str = "best.safetensors";
/// How weights files end: this program's and others', and PyTorch's.
const EXTENSIONS: [&str; 2] = ["safetensors", "pth"];
/// What only the folder of a run has, even before its first weights.
const RUN_MARKS: [&str; 2] = ["recipe.toml", "optim.safetensors"];

/// The weights file that `name` means: a file, a run folder with `best.safetensors`, or a name.
///
/// A name is looked for as `NAME.safetensors` or `NAME.pth` in `$FACEKP_WEIGHTS`, in `weights/` of this folder and
/// those above it, next to the program and above it, and in the source tree that the program was built from; then as a
/// run in `runs/` of this folder and those above it.
///
/// # Errors
/// [`Error::NoWeights`] with the names that are known.
pub fn locate(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    let best = path.join(BEST);
    if best.is_file() {
        return Ok(best);
    }
    let unfinished = RUN_MARKS.iter().any(|mark| path.join(mark).is_file());
    if unfinished || (path.is_dir() && !is_bare(path)) {
        return Err(missing(name, format!("a run folder with {BEST}, found none")));
    }
    if !is_bare(path) {
        return Err(missing(name, "a weights file or a run folder, found neither".into()));
    }
    let files = EXTENSIONS.map(|e| format!("{name}.{e}"));
    let named = weights_folders().into_iter().flat_map(|d| files.each_ref().map(|f| d.join(f)));
    let runs = runs_folders().map(|d| d.join(name).join(BEST));
    named.chain(runs).find(|p| p.is_file()).ok_or_else(|| {
        let known = known_weights();
        let known = if known.is_empty() { "none".into() } else { known.into_iter().collect::<Vec<_>>().join(", ") };
        missing(name, format!("a weights file, a run folder or a name (known: {known}), found none"))
    })
}

/// The run folder that `name` means: a folder, or the name of one in `runs/` of this folder or one above it.
pub fn locate_run(name: &Path) -> PathBuf {
    let is_run = |dir: &PathBuf| RUN_MARKS.iter().any(|mark| dir.join(mark).is_file());
    let found = || runs_folders().map(|d| d.join(name)).find(is_run);
    if is_run(&name.to_path_buf()) || !is_bare(name) { name.to_path_buf() } else { found().unwrap_or(name.into()) }
}

fn missing(name: &str, expected: String) -> Error {
    Error::NoWeights { name: name.to_owned(), expected }
}

/// Whether it is a single word, neither `./nose` nor `..`.
fn is_bare(path: &Path) -> bool {
    path.file_name().is_some_and(|only| only == path.as_os_str())
}

fn above(start: Option<PathBuf>, folder: &str) -> Vec<PathBuf> {
    start.iter().flat_map(|s| s.ancestors().map(|d| d.join(folder))).collect()
}

fn weights_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("FACEKP_WEIGHTS").map(PathBuf::from).into_iter().collect();
    folders.extend(above(std::env::current_dir().ok(), "weights"));
    folders.extend(above(std::env::current_exe().ok(), "weights"));
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights"));
    folders
}

fn runs_folders() -> impl Iterator<Item = PathBuf> {
    above(std::env::current_dir().ok(), "runs").into_iter()
}

/// The names by which [`locate`] finds weights from here; a hidden file is a draft of one.
pub fn known_weights() -> BTreeSet<String> {
    let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let files = weights_folders().into_iter().flat_map(entries);
    let files =
        files.filter(|p| p.extension().is_some_and(|e| EXTENSIONS.iter().any(|x| e == OsStr::new(x))) && p.is_file());
    let runs = runs_folders().flat_map(entries).filter(|p| p.join(BEST).is_file());
    let names = files.filter_map(|p| p.file_stem()?.to_str().map(str::to_owned));
    let runs = runs.filter_map(|p| p.file_name()?.to_str().map(str::to_owned));
    names.chain(runs).filter(|name| !name.starts_with('.')).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_and_run_folders_are_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("nose");
        fs::create_dir(&run).unwrap();
        let named = run.display().to_string();
        let message = locate(&named).unwrap_err().to_string();
        assert_eq!(message, format!("{named}: expected a run folder with best.safetensors, found none"));
        let file = run.join(BEST);
        fs::write(&file, "").unwrap();
        assert_eq!(locate(&named).unwrap(), file);
        assert_eq!(locate(&file.display().to_string()).unwrap(), file);
        assert_eq!(locate_run(&run), run);
    }

    #[test]
    fn shipped_names_are_found_from_anywhere_and_listed() {
        // the source tree that this was built from ships `nose`
        assert!(locate("nose").unwrap().ends_with("weights/nose.safetensors"));
        let message = locate("nosy").unwrap_err().to_string();
        assert!(message.starts_with("nosy: expected a weights file") && message.contains("nose"), "{message}");
        assert!(locate("./nosy").unwrap_err().to_string().ends_with("found neither"));
    }
}

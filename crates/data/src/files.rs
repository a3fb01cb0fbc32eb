//! Files and folders: sorted listings, text of unknown encoding.

use crate::{Error, Result};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// What may carry a picture, in capitals or not; the first ones first where several lie beside an annotation.
const PICTURE_EXTENSIONS: [&str; 5] = ["jpg", "png", "jpeg", "jpe", "jfif"];

/// Whether `path` ends in `.ext`, in capitals or not.
pub(crate) fn has_extension(path: &Path, ext: &str) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|e| e.eq_ignore_ascii_case(ext))
}

/// Whether the name says that it is a picture: `.jpg`, `.jpeg`, `.jpe`, `.jfif` or `.png`, in capitals or not.
pub fn is_picture(path: &Path) -> bool {
    PICTURE_EXTENSIONS.iter().any(|e| has_extension(path, e))
}

/// The picture with the name of `annotation` and a picture's extension, where there is one.
pub(crate) fn picture_beside(annotation: &Path) -> Option<PathBuf> {
    let usual = |e: &&str| [annotation.with_extension(e), annotation.with_extension(e.to_ascii_uppercase())];
    let found = PICTURE_EXTENSIONS.iter().flat_map(|e| usual(&e)).find(|p| p.is_file());
    found.or_else(|| {
        // `.Jpg` and the like: what the folder says.
        let dir = annotation.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let same = |p: &PathBuf| p.file_stem() == annotation.file_stem() && is_picture(p) && p.is_file();
        Some(annotation.with_file_name(list(dir).ok()?.into_iter().find(same)?.file_name()?))
    })
}

/// What is in `dir` itself, sorted by name; hidden files are left out.
///
/// # Errors
/// When it cannot be listed.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| Error::io(dir, e))? {
        let entry = entry.map_err(|e| Error::io(dir, e))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

/// Every file below `dir` whose name fits, sorted; links to folders are not followed, so that there are no circles.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn walk(dir: &Path, fits: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![dir.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for path in list(&folder)? {
            let linked = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
            if path.is_dir() {
                if !linked {
                    folders.push(path);
                }
            } else if fits(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file: UTF-8, or else Latin-1, in which annotation tools of the time wrote names.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
        Err(e) => e.into_bytes().into_iter().map(char::from).collect(),
    })
}

/// The path below `root`, without its extension, with `/` on every system: what a sample is called.
pub(crate) fn id_below(root: &Path, path: &Path) -> String {
    let stem = path.strip_prefix(root).unwrap_or(path).with_extension("");
    stem.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

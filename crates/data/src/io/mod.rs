//! Files and folders: sorted listings, text of unknown encoding, writing that leaves nothing half done.

mod folder;
mod lock;
mod parts;
pub(crate) mod predictions;
mod write;

pub(crate) use folder::{check_new, whole_folder};
pub use lock::{Alone, alone, lock};
pub use parts::{Draft, forget_parts, part_of};
pub(crate) use write::write_with;
pub use write::{is_stream, write_whole};

use crate::error::{Error, Result};
use predictions::is_prediction;
use std::{
    collections::{BTreeSet, HashSet},
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::Read,
    path::{Component, Path, PathBuf},
};

/// What may carry a picture, in capitals or not; the first ones first where several lie beside an annotation.
const PICTURE_EXTENSIONS: [&str; 10] = ["jpg", "png", "jpeg", "jpe", "jfif", "webp", "bmp", "gif", "tif", "tiff"];
/// What user photos carry that are not read; they are refused by their kind's name.
const REFUSED_EXTENSIONS: [&str; 4] = ["heic", "heif", "hif", "avif"];

/// Whether `path` ends in `.ext`, in capitals or not.
pub(crate) fn has_extension(path: &Path, ext: &str) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|e| e.eq_ignore_ascii_case(ext))
}

/// Whether the name says that it is a picture: `.jpg`, `.jpeg`, `.jpe`, `.jfif`, `.png`, `.webp`, `.bmp`, `.gif`,
/// `.tif` or `.tiff`, in capitals or not.
pub fn is_picture(path: &Path) -> bool {
    PICTURE_EXTENSIONS.iter().any(|e| has_extension(path, e))
}

/// Whether the name says that it is a photo of a user's: a [picture](is_picture), or one of a kind that is not read, so
/// that it gets an answer: `.heic`, `.heif`, `.hif` or `.avif`.
pub fn is_photo(path: &Path) -> bool {
    is_picture(path) || REFUSED_EXTENSIONS.iter().any(|e| has_extension(path, e))
}

/// The picture with the name of `annotation` and a picture's extension, where there is one.
pub(crate) fn picture_beside(annotation: &Path) -> Option<PathBuf> {
    let usual = |e: &&str| [annotation.with_extension(e), annotation.with_extension(e.to_ascii_uppercase())];
    let found = PICTURE_EXTENSIONS.iter().flat_map(usual).find(|p| p.is_file());
    found.or_else(|| {
        // `.Jpg` and the like: what the folder says.
        let dir = annotation.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let same = |p: &PathBuf| p.file_stem() == annotation.file_stem() && is_picture(p) && p.is_file();
        Some(annotation.with_file_name(list(dir).ok()?.into_iter().find(same)?.file_name()?))
    })
}

/// What is in `dir` itself, sorted by name; hidden files and [predictions](is_prediction) are left out.
///
/// # Errors
/// When it cannot be listed.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(dir)?.into_iter().filter(|p| !is_prediction(p)).collect())
}

/// Whether there is a file with this extension in `dir` itself.
pub(crate) fn has_any(dir: &Path, ext: &str) -> Result<bool> {
    Ok(list(dir)?.iter().any(|p| has_extension(p, ext)))
}

/// Bytes of a file that are looked at to recognise it.
const GLANCE: u64 = 4096;

/// The files in `dir` itself with this extension whose beginning fits, as text of whatever its bytes are.
///
/// # Errors
/// When the folder or a file cannot be read.
pub(crate) fn beginning(dir: &Path, ext: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in list(dir)?.into_iter().filter(|p| has_extension(p, ext) && p.is_file()) {
        let mut start = Vec::new();
        let file = fs::File::open(&path).map_err(|e| Error::io(&path, e))?;
        file.take(GLANCE).read_to_end(&mut start).map_err(|e| Error::io(&path, e))?;
        let start = String::from_utf8_lossy(&start);
        if fits(start.trim_start_matches('\u{feff}').trim_start()) {
            files.push(path);
        }
    }
    Ok(files)
}

/// The user [photos](is_photo) in `dir` itself, sorted by name; hidden files and [predictions](is_prediction) are left
/// out.
///
/// # Errors
/// When it cannot be listed, or holds none.
pub fn pictures_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let pictures: Vec<_> = list(dir)?.into_iter().filter(|p| is_photo(p)).collect();
    if pictures.is_empty() {
        return Err(Error::none(dir, "pictures"));
    }
    Ok(pictures)
}

/// What is in `dir` itself, sorted by name; hidden files are left out.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
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

/// Every file below `dir` whose name fits, sorted, without [predictions](is_prediction). Linked folders are gone
/// through as [`walk_all`] says.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn walk(dir: &Path, fits: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    walk_all(dir, &|p| !is_prediction(p) && fits(p))
}

/// Every file below `dir` whose name fits, sorted.
///
/// Every folder is gone through once, however many links lead to it: by its own path where it lies below `dir`, else by
/// the first link in sorted order. A link to a folder that holds `dir` leads in a circle and is not followed.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn walk_all(dir: &Path, fits: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let real = |p: &Path| p.canonicalize().map_err(|e| Error::io(p, e));
    let root = real(dir)?;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let (mut folders, mut links) = (vec![dir.to_path_buf()], BTreeSet::new());
    while let Some(folder) = folders.pop().or_else(|| links.pop_first()) {
        let place = real(&folder)?;
        if (place != root && root.starts_with(&place)) || !seen.insert(place) {
            continue;
        }
        for path in entries(&folder)? {
            if !path.is_dir() {
                found.extend(fits(&path).then_some(path));
            } else if path.is_symlink() {
                links.insert(path);
            } else {
                folders.push(path);
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
    stem.components().map(|c| spelled(c.as_os_str())).collect::<Vec<_>>().join("/")
}

/// A file's name as text. In one that is not UTF-8, the bytes at fault become `%E9` and `%` becomes `%25`, so that
/// different names stay different.
fn spelled(name: &OsStr) -> String {
    if let Some(text) = name.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text += &chunk.valid().replace('%', "%25");
        chunk.invalid().iter().for_each(|byte| _ = write!(text, "%{byte:02X}"));
    }
    text
}

/// Where the picture `name`, from an annotation in `folder`, lies; `Err` says what was expected of it instead.
pub(crate) fn within(folder: &Path, name: &str) -> std::result::Result<PathBuf, &'static str> {
    let path = folder.join(on_disk(folder, name));
    let real = path.canonicalize().map_err(|_| "a picture that is there")?;
    let root = folder.canonicalize().map_err(|_| "a picture in a folder that is there")?;
    let below = real.strip_prefix(root).map_err(|_| "a picture within the list's folder")?;
    // as it is written where that leads straight down, so that links keep their names; what samples are called comes
    // from it, and files are written by those names
    let down = |p: &Path| p.components().all(|c| matches!(c, Component::Normal(_)));
    Ok(if path.strip_prefix(folder).is_ok_and(down) { path } else { folder.join(below) })
}

/// The path that `name`, from the text of an annotation in `folder`, has there: the same, or the name's Latin-1 bytes
/// where there is only a file of that name, as from systems of [`read_text`]'s time.
pub(crate) fn on_disk(folder: &Path, name: &str) -> PathBuf {
    #[cfg(unix)]
    if !folder.join(name).exists() {
        use std::os::unix::ffi::OsStrExt;
        let bytes: Option<Vec<u8>> = name.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let latin1 = bytes.map(|b| PathBuf::from(OsStr::from_bytes(&b))).filter(|p| folder.join(p).exists());
        return latin1.unwrap_or_else(|| name.into());
    }
    name.into()
}

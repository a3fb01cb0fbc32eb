//! Puts a finished page in its place: only what a page wrote is replaced or removed.

use super::{FIGURES, PAGE};
use crate::error::{Error, Result};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// In the folder of figures: the names of those that are the page's, one a line.
const LIST: &str = ".facekp";
/// What tells our page from others.
const GENERATOR: &str = "name=\"generator\" content=\"facekp\"";

/// Refuses to write over what no page wrote.
///
/// # Errors
/// One line that names the file in the way.
pub(super) fn refuse_foreign(out: &Path) -> Result<()> {
    let page = out.join(PAGE);
    match fs::read(&page) {
        Ok(text) if !is_ours(&text) => Err(in_the_way(&page)),
        _ => Ok(()),
    }
}

/// Moves page and figures from `draft` to `out`; figures of an earlier page that this one lacks are removed.
///
/// # Errors
/// When a figure's name is taken by another file, or something cannot be moved.
pub(super) fn place(draft: &Path, out: &Path) -> Result<PathBuf> {
    refuse_foreign(out)?;
    let (from, to) = (draft.join(FIGURES), out.join(FIGURES));
    let io = |e: io::Error| Error::io(out, e);
    let new = names(&from).map_err(io)?;
    let listed: BTreeSet<OsString> =
        fs::read_to_string(to.join(LIST)).unwrap_or_default().lines().map(OsString::from).collect();
    // pages of the first version had no list
    let first_version = out.join(PAGE).is_file() && listed.is_empty();
    let foreign = new.iter().find(|name| !first_version && !listed.contains(*name) && to.join(name).exists());
    if let Some(name) = foreign {
        return Err(in_the_way(&to.join(name)));
    }
    fs::create_dir_all(&to).map_err(io)?;
    for name in listed.difference(&new).filter(|name| Path::new(name).components().count() == 1) {
        match fs::remove_file(to.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
    }
    let list: Vec<_> = new.iter().map(|name| name.to_string_lossy()).collect();
    fs::write(to.join(LIST), list.join("\n") + "\n").map_err(io)?;
    for name in &new {
        fs::rename(from.join(name), to.join(name)).map_err(io)?;
    }
    fs::rename(draft.join(PAGE), out.join(PAGE)).map_err(io)?;
    Ok(out.join(PAGE))
}

fn names(dir: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn is_ours(page: &[u8]) -> bool {
    page.windows(GENERATOR.len()).any(|w| w == GENERATOR.as_bytes())
}

fn in_the_way(file: &Path) -> Error {
    Error::file(file, "nothing, or a file of an earlier report", "another file".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn draft(figures: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FIGURES)).unwrap();
        figures.iter().for_each(|f| fs::write(dir.path().join(FIGURES).join(f), "new").unwrap());
        fs::write(dir.path().join(PAGE), format!("<meta {GENERATOR}>")).unwrap();
        dir
    }

    #[test]
    fn ones_own_figures_and_pages_stay() {
        let out = tempfile::tempdir().unwrap();
        let file = |name: &str| out.path().join(FIGURES).join(name);
        fs::create_dir(out.path().join(FIGURES)).unwrap();
        fs::write(file("mine.svg"), "mine").unwrap();
        place(draft(&["a-loss.svg", "a-ced.svg"]).path(), out.path()).unwrap();
        place(draft(&["a-loss.svg"]).path(), out.path()).unwrap();
        assert!(file("mine.svg").is_file() && file("a-loss.svg").is_file() && !file("a-ced.svg").exists());
        let message = place(draft(&["mine.svg"]).path(), out.path()).unwrap_err().to_string();
        assert!(message.contains("mine.svg: expected nothing, or a file of an earlier report"), "{message}");
        assert_eq!(fs::read_to_string(file("mine.svg")).unwrap(), "mine");
        fs::write(out.path().join(PAGE), "<title>My page</title>").unwrap();
        assert!(refuse_foreign(out.path()).unwrap_err().to_string().contains("index.html: expected nothing"));
        assert!(place(draft(&["b.svg"]).path(), out.path()).is_err() && !file("b.svg").exists());
    }
}

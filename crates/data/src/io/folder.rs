//! Folders that appear whole or not at all.

use super::parts::Draft;
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
/// which then takes its name. Of several processes that do so at a time one succeeds.
///
/// # Errors
/// As [`check_new`], and what `fill` and the system say, of `out`.
pub(crate) fn whole_folder(out: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check_new(out)?;
    let mut draft = Draft::beside(out).map_err(|e| Error::io(out, e))?;
    fill(draft.path()).map_err(|e| e.renamed(draft.path(), out))?;
    let emptied = if out.exists() { fs::remove_dir(out) } else { Ok(()) };
    // what another process placed meanwhile is said in words
    emptied.and_then(|()| draft.place(out)).map_err(|e| check_new(out).err().unwrap_or_else(|| Error::io(out, e)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{io, sync::Barrier};

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn of_several_that_fill_a_folder_one_succeeds_and_the_others_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let (out, all_at_work) = (dir.path().join("deep/out"), Barrier::new(4));
        let fill = |i: usize| {
            whole_folder(&out, |part| {
                for name in ["a", "b"] {
                    fs::write(part.join(name), i.to_string()).unwrap();
                }
                all_at_work.wait();
                Ok(())
            })
        };
        let results: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|i| scope.spawn(move || fill(i))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let failed: Vec<String> = results.iter().filter_map(|r| Some(r.as_ref().err()?.to_string())).collect();
        assert!(failed.len() == 3 && failed.iter().all(|e| e.contains("out: ") && !e.contains(".part")), "{failed:?}");
        let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(text("a"), text("b"));
        assert_eq!(names(&dir.path().join("deep")), ["out"]);
    }

    #[test]
    fn what_fails_while_it_is_filled_is_said_of_the_folder_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        fs::create_dir(&out).unwrap();
        let failing = |part: &Path| {
            fs::write(part.join("a"), "x").unwrap();
            Err(Error::io(part.join("b"), io::ErrorKind::StorageFull.into()))
        };
        let error = whole_folder(&out, failing).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", out.join("b").display())), "{error}");
        assert_eq!(names(dir.path()), ["out"]);
        assert!(names(&out).is_empty());
    }
}

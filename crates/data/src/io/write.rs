//! Writing that leaves nothing half done: a regular file appears whole or not at all, anything else is written to as it
//! is.

use super::parts::new_file;
use crate::error::{Error, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Writes `bytes` to `path`: a regular file appears whole or not at all, with the permissions that the umask leaves.
/// What killed processes left half written of it is removed.
///
/// A link stays and its target is replaced. A pipe, a device and an open file by its number (`/dev/fd/3`) are written
/// to as they are, since a rename would put a file in their place.
///
/// # Errors
/// When the place cannot be written; no part of a file is left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes).map_err(|e| Error::io(path, e)))
}

/// Like [`write_whole`], for contents made while writing.
///
/// # Errors
/// When `fill` or the system fails; no part of a file is left behind.
pub(crate) fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    match place(path).map_err(|e| Error::io(path, e))? {
        Place::AsItIs => {
            // appended: what `/dev/stdout` leads to may hold lines already
            let mut file = OpenOptions::new().append(true).open(path).map_err(|e| Error::io(path, e))?;
            fill(&mut file)
        }
        Place::File(target) => replace(path, &target, fill),
    }
}

/// Whether [`write_whole`] would write to what is there as it is: a pipe, a device, an open file by its number.
pub fn is_stream(path: &Path) -> bool {
    matches!(place(path), Ok(Place::AsItIs))
}

/// Where the bytes go.
enum Place {
    /// Into what is there: a pipe, a device, a socket.
    AsItIs,
    /// Into a new file that takes this name.
    File(PathBuf),
}

fn place(path: &Path) -> io::Result<Place> {
    // an open file by its number, where a shell may have put a regular file: a rename would take it from the shell
    let opened = ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
    if opened.iter().any(|o| path.starts_with(o)) && path.exists() {
        return Ok(Place::AsItIs);
    }
    match fs::metadata(path) {
        Ok(there) if there.is_file() => Ok(Place::File(fs::canonicalize(path)?)),
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(Place::AsItIs),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Place::File(end_of_links(path)?)),
        Err(e) => Err(e),
    }
}

/// What a path leads to that does not exist yet: a link may point at a file to come.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut end = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&end) {
            Ok(next) => end = end.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(end),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Fills a file next to `target`, which then takes its name; errors speak of `path`, as the caller knows it.
fn replace(path: &Path, target: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let (mut file, part) = new_file(target).map_err(|e| Error::io(path, e))?;
    let fill_and_name = || {
        fill(&mut file)?;
        file.sync_all().and_then(|()| fs::rename(&part, target)).map_err(|e| Error::io(path, e))
    };
    fill_and_name().inspect_err(|_| {
        fs::remove_file(&part).ok();
    })
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    fn names(dir: &Path) -> Vec<String> {
        let mut all: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        all.sort();
        all
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target.json"), dir.path().join("link.json"));
        fs::write(&target, "old").unwrap();
        symlink("target.json", &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(names(dir.path()), ["link.json", "target.json"]);
    }

    #[test]
    fn a_link_to_a_file_to_come_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        fs::create_dir(dir.path().join("deep")).unwrap();
        symlink("deep/file", &link).unwrap();
        write_whole(&link, b"made").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("deep/file")).unwrap(), "made");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        write_whole(&dir.path().join("a"), b"").unwrap_err();
    }

    #[test]
    fn a_pipe_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
        };
        write_whole(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(pipe.metadata().unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_device_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        // devices of the test's own: broken code run by root would take the system's away
        for (name, minor) in [("null", "3"), ("full", "7")] {
            let device = dir.path().join(name);
            let made = std::process::Command::new("mknod").arg(&device).args(["c", "1", minor]).output();
            if !made.is_ok_and(|o| o.status.success()) || OpenOptions::new().append(true).open(&device).is_err() {
                return;
            }
            let written = write_whole(&device, b"x");
            // a full device's ENOSPC is an error, not a file in its place
            assert_eq!(written.is_err(), name == "full", "{written:?}");
            assert!(fs::metadata(&device).unwrap().file_type().is_char_device());
        }
    }

    #[test]
    fn a_folder_is_refused_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("there")).unwrap();
        write_whole(&dir.path().join("there"), b"x").unwrap_err();
        write_with(&dir.path().join("new"), |_| Err(Error::Invalid("stop".into()))).unwrap_err();
        assert_eq!(names(dir.path()), ["there"]);
    }

    #[test]
    fn permissions_follow_the_umask() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write_whole(&ours, b"x").unwrap();
        fs::write(&plain, "x").unwrap();
        let mode = |p: &Path| p.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&ours), mode(&plain));
    }
}

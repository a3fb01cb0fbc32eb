//! The lock of a run folder: one process writes there at a time.
//!
//! The system holds the lock on the open file and gives it up when the process ends, however it ends. So the file
//! itself, which says who the process is or was, may stay behind without harm.

use crate::error::{Error, Result};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// The file.
pub(super) const NAME: &str = "lock";
/// How it begins, which tells it from a file of the same name that is somebody else's.
const START: &str = "facekp train: ";

/// The lock, while it is held.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
    /// Whether the file and the folder are new.
    made: bool,
}

impl Lock {
    /// Takes the lock of the run folder `dir`, which is made where there is none.
    ///
    /// # Errors
    /// When another process has it, in one line that names it; when the folder cannot be written.
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let error = |e: std::io::Error| Error::Run { path: path.clone(), reason: e.to_string() };
        fs::create_dir_all(dir).map_err(|e| Error::Run { path: dir.to_owned(), reason: e.to_string() })?;
        let who = who(SystemTime::now());
        // another process may take the file away between opening and locking it: then there is a new one, or none
        for _ in 0..TRIES {
            let made = !path.exists();
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(error)?;
            if !facekp_data::lock(dir, &file) {
                return Err(taken(dir));
            }
            let mut this = Self { path: path.clone(), file, made };
            // On a full disk the lock holds all the same, and what cannot be written says so itself.
            if this.file.set_len(0).and_then(|()| this.file.write_all(who.as_bytes())).is_err() {
                return Ok(this);
            }
            // Where the text cannot be read, as in systems whose locks keep readers out, it is taken for our own.
            let gone = |e: std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
            if fs::read_to_string(&path).map_or_else(|e| !gone(e), |there| there == who) {
                return Ok(this);
            }
        }
        Err(taken(dir))
    }

    /// Removes a lock file, and a folder, that were made for nothing.
    pub(super) fn undo(&self) {
        if self.made {
            self.remove();
        }
    }

    /// Removes the lock file, and the folder if nothing else is in it.
    pub(super) fn remove(&self) {
        // a folder that is not empty cannot be removed so; what cannot be removed does no harm
        let _ = fs::remove_file(&self.path);
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

const TRIES: usize = 3;

/// Whether `dir` has a lock file that a run wrote, or began to write.
pub(super) fn is_ours(dir: &Path) -> bool {
    fs::read(dir.join(NAME)).is_ok_and(|text| text.is_empty() || text.starts_with(START.as_bytes()))
}

/// Refuses a folder in which a process is writing.
///
/// # Errors
/// One line that names the process.
pub(super) fn refuse_taken(dir: &Path) -> Result<()> {
    match File::open(dir.join(NAME)) {
        Ok(file) if is_ours(dir) && !facekp_data::lock(dir, &file) => Err(taken(dir)),
        _ => Ok(()),
    }
}

fn taken(dir: &Path) -> Error {
    let text = fs::read_to_string(dir.join(NAME)).unwrap_or_default();
    let who = text.trim().strip_prefix(START).unwrap_or("another process").to_owned();
    let reason = format!("{who} is training in it: wait for its end, or choose another folder");
    Error::Run { path: dir.to_owned(), reason }
}

/// This process, in one line.
fn who(now: SystemTime) -> String {
    let host = gethostname::gethostname();
    format!("{START}process {} on {}{}\n", std::process::id(), host.to_string_lossy(), since(now))
}

/// The time in brackets; nothing where the calendar ends, at which a clock that is wrong may stand.
fn since(now: SystemTime) -> String {
    let mut text = String::new();
    // written, since formatting panics over what cannot be shown
    let shown = now >= UNIX_EPOCH && write!(text, " (since {})", humantime::format_rfc3339_seconds(now)).is_ok();
    if shown { text } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_is_wrong_is_no_failure() {
        let at = |seconds: u64| since(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), " (since 1970-01-01T00:00:00Z)");
        // the last second of the year 9999, by `date -d 9999-12-31T23:59:59Z +%s`
        assert_eq!(at(253_402_300_799), " (since 9999-12-31T23:59:59Z)");
        assert_eq!(at(253_402_300_800), "");
        assert_eq!(since(UNIX_EPOCH - Duration::from_secs(1)), "");
    }

    #[test]
    fn one_at_a_time_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        refuse_taken(&run).unwrap();
        let lock = Lock::take(&run).unwrap();
        let error = Lock::take(&run).unwrap_err().to_string();
        let process = format!("run: process {} on ", std::process::id());
        assert!(error.contains(&process) && error.contains(" is training in it") && !error.contains('\n'), "{error}");
        assert!(refuse_taken(&run).is_err() && is_ours(&run));
        drop(lock);
        // the file stays and does no harm
        assert!(run.join(NAME).is_file());
        refuse_taken(&run).unwrap();
        Lock::take(&run).unwrap().undo();
        assert!(run.join(NAME).is_file());
        fs::write(run.join(NAME), "mine\n").unwrap();
        assert!(!is_ours(&run));
    }
}

//! A lock on an open file, for one process at a time.
//!
//! The system holds it and gives it up when the process ends, however it ends.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

/// Locks `file` until it is closed; `false` where another process has it. `path`, a file or its folder, is what a
/// warning names where the system knows no locks, as in some network folders: there nothing is kept out.
#[must_use]
pub fn lock(path: &Path, file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(e)) => {
            tracing::warn!("{}: cannot be locked against a second run: {e}", path.display());
            true
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let (first, second) = (File::create(&path).unwrap(), File::create(&path).unwrap());
        assert!(lock(&path, &first) && !lock(&path, &second));
        drop(first);
        assert!(lock(&path, &second));
    }
}

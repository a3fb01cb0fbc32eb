//! Locks for one process at a time.
//!
//! The system holds one and gives it up when the process ends, however it ends.

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

/// Waits until no other process changes something in the folder of `file`, until what is returned is dropped: for what
/// is read, changed and replaced. Where the system opens or locks no folders nobody waits, and nothing is kept out.
#[must_use]
pub fn alone(file: &Path) -> Alone {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Alone(File::open(folder).and_then(|folder| folder.lock().map(|()| folder)).ok())
}

/// The lock of a folder, until it is dropped.
#[derive(Debug)]
pub struct Alone(#[allow(dead_code)] Option<File>);

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

    /// Folders are locked where the system can.
    #[cfg(unix)]
    #[test]
    fn what_is_read_and_replaced_alone_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("count");
        std::fs::write(&path, "0").unwrap();
        let add = || {
            let _alone = alone(&path);
            let count: u32 = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            std::thread::yield_now();
            std::fs::write(&path, (count + 1).to_string()).unwrap();
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| add()));
            }
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "200");
    }
}

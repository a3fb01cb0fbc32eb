//! What is in the making stands in its folder as `.NAME.PID-N.part`, locked by the process that makes it: what a
//! process left that was killed has no lock, and goes when its name is written again.
//!
//! The number of a process tells nothing of its life: in containers all may have one, and folders are shared.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The file or folder of which `.NAME.PID-N.part` is the beginning: what a process leaves that is killed while it
/// writes.
pub fn part_of(name: &str) -> Option<&str> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (file, process) = name.strip_prefix('.')?.strip_suffix(".part")?.rsplit_once('.')?;
    let (pid, number) = process.split_once('-')?;
    (!file.is_empty() && digits(pid) && digits(number)).then_some(file)
}

/// Removes what processes that are gone left of files and folders in `folder` whose names `is_own` knows. What a living
/// process makes stays, and all where the system knows no locks; what cannot be removed does no harm.
pub fn forget_parts(folder: &Path, is_own: impl Fn(&str) -> bool) {
    parts_in(folder).iter().filter(|part| whose(part).is_some_and(&is_own)).for_each(|part| forget(part));
}

/// A hidden folder in the making next to another one. It is removed when this is dropped, unless it was placed.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    placed: bool,
    _lock: Option<File>,
}

impl Draft {
    /// A new folder next to `out`, whose parent is made where there is none; what killed processes left of drafts of
    /// `out` is removed.
    ///
    /// # Errors
    /// When it cannot be made, or `out` has no name.
    pub fn beside(out: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder_of(out))?;
        // a system that opens no folders locks none
        let make = |part: &Path| fs::create_dir(part).map(|()| File::open(part).ok());
        let (lock, path) = new_part(out, make)?;
        Ok(Self { path, placed: false, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it the name `out`.
    pub(super) fn place(&mut self, out: &Path) -> io::Result<()> {
        fs::rename(&self.path, out).map(|()| self.placed = true)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed {
            // what failed before is what matters to the person
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// A new file next to `target`, locked.
pub(super) fn new_file(target: &Path) -> io::Result<(File, PathBuf)> {
    let (file, part) = new_part(target, |part| File::create_new(part).map(Some))?;
    Ok((file.ok_or(io::ErrorKind::NotFound)?, part))
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// What `make` makes next to `target`. A name may be taken by another process of the same number, or by what it left.
fn new_part(target: &Path, make: impl Fn(&Path) -> io::Result<Option<File>>) -> io::Result<(Option<File>, PathBuf)> {
    const TRIES: usize = 1000;
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    forget_left(folder_of(target), name);
    let mut taken = io::ErrorKind::AlreadyExists.into();
    for _ in 0..TRIES {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut part = OsString::from(".");
        part.push(name);
        part.push(format!(".{}-{number}.part", std::process::id()));
        let part = target.with_file_name(part);
        match make(&part) {
            Ok(made) if is_kept(made.as_ref(), &part) => return Ok((made, part)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => taken = e,
            Err(e) => return Err(e),
        }
    }
    Err(taken)
}

/// Locks what was just made, where it is open; `false` where another process saw it before that, took it for left, and
/// removes it.
fn is_kept(made: Option<&File>, part: &Path) -> bool {
    match made.map(File::try_lock) {
        Some(Err(TryLockError::WouldBlock)) => false,
        // where the system knows no locks nothing is taken for left
        Some(Err(TryLockError::Error(_))) => true,
        Some(Ok(())) | None => part.symlink_metadata().is_ok(),
    }
}

/// Removes what was left of `name` in `folder`. A folder is listed once in a process: it may hold very many files.
fn forget_left(folder: &Path, name: &OsStr) {
    static LEFT: Mutex<BTreeMap<PathBuf, Vec<PathBuf>>> = Mutex::new(BTreeMap::new());
    let mut all = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let left = all.entry(folder.to_owned()).or_insert_with(|| parts_in(folder));
    left.retain(|part| {
        let is_own = whose(part).is_some_and(|whose| name == whose);
        if is_own {
            forget(part);
        }
        !is_own
    });
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn parts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| whose(path).is_some()).collect()
}

fn whose(part: &Path) -> Option<&str> {
    part.file_name().and_then(OsStr::to_str).and_then(part_of)
}

/// Removes a part that nobody has locked.
fn forget(part: &Path) {
    let Ok(kind) = part.symlink_metadata().map(|there| there.file_type()) else { return };
    let opened = match kind {
        kind if kind.is_dir() => File::open(part),
        kind if kind.is_file() => OpenOptions::new().write(true).open(part),
        _ => return,
    };
    if let Ok(file) = opened
        && file.try_lock().is_ok()
        && is_at(&file, part)
    {
        let _ = if kind.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) };
    }
}

/// Whether an open file is still what has the name: meanwhile its process may have finished and renamed it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |there: io::Result<fs::Metadata>| there.map(|there| (there.dev(), there.ino())).ok();
    let open = id(file.metadata());
    open.is_some() && open == id(path.symlink_metadata())
}

/// Whether an open file is still what has the name: meanwhile its process may have finished and renamed it.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::io::{whole_folder, write_whole};

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_a_living_one_makes_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        for name in [".a.7-0.part", ".a.8-0.part", ".b.7-0.part", ".a.part"] {
            fs::write(file(name), "half").unwrap();
        }
        let living = File::open(file(".a.8-0.part")).unwrap();
        living.lock().unwrap();
        write_whole(&file("a"), b"whole").unwrap();
        assert_eq!(names(dir.path()), [".a.8-0.part", ".a.part", ".b.7-0.part", "a"]);
        assert_eq!(fs::read(file(".a.8-0.part")).unwrap(), b"half");
        forget_parts(dir.path(), |name| name == "a");
        assert_eq!(names(dir.path()), [".a.8-0.part", ".a.part", ".b.7-0.part", "a"]);
        drop(living);
        forget_parts(dir.path(), |name| name == "a");
        assert_eq!(names(dir.path()), [".a.part", ".b.7-0.part", "a"]);
    }

    #[test]
    fn a_part_is_locked_while_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let (file, part) = new_file(&dir.path().join("a")).unwrap();
        let draft = Draft::beside(&dir.path().join("b")).unwrap();
        forget_parts(dir.path(), |_| true);
        assert!(part.is_file() && draft.path().is_dir());
        drop(file);
        forget_parts(dir.path(), |_| true);
        assert!(!part.exists() && draft.path().is_dir());
        drop(draft);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn folders_that_killed_processes_left_go_as_well() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".out.7-0.part", ".out.8-0.part", ".other.7-0.part"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("a"), "half").unwrap();
        }
        let living = File::open(dir.path().join(".out.8-0.part")).unwrap();
        living.lock().unwrap();
        // what a link leads to is nobody's part
        std::os::unix::fs::symlink(".other.7-0.part", dir.path().join(".out.9-0.part")).unwrap();
        whole_folder(&dir.path().join("out"), |_| Ok(())).unwrap();
        assert_eq!(names(dir.path()), [".other.7-0.part", ".out.8-0.part", ".out.9-0.part", "out"]);
        assert!(dir.path().join(".other.7-0.part/a").is_file() && dir.path().join(".out.8-0.part/a").is_file());
    }

    #[test]
    fn a_part_of_another_process_of_the_same_number_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let next = COUNT.load(Ordering::Relaxed);
        let living = (next..next + 20).map(|number| {
            let part = File::create(dir.path().join(format!(".a.{}-{number}.part", std::process::id()))).unwrap();
            part.lock().unwrap();
            part
        });
        let living: Vec<File> = living.collect();
        write_whole(&dir.path().join("a"), b"x").unwrap();
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"x");
        assert_eq!(names(dir.path()).iter().filter(|name| part_of(name) == Some("a")).count(), living.len());
        for name in ["a", ".a.part", ".a.1-x.part", "a.1-2.part", ".a.1-2", "..1-2.part"] {
            assert_eq!(part_of(name), None, "{name}");
        }
        assert_eq!(part_of(".x.keypoints.2.pts.12-3.part"), Some("x.keypoints.2.pts"));
    }
}

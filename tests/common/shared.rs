//! The folder of what is made once for all tests: statics are never dropped, so the next run of the tests removes it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// A folder of this process below `target/tmp`.
pub(crate) fn shared_folder() -> &'static Path {
    static FOLDER: LazyLock<(PathBuf, File)> = LazyLock::new(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared");
        fs::create_dir_all(&all).unwrap();
        for old in fs::read_dir(&all).unwrap().map(|e| e.unwrap().path()) {
            // the lock ends with the process that holds it
            if File::open(old.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
                fs::remove_dir_all(&old).unwrap();
            }
        }
        let own = all.join(std::process::id().to_string());
        fs::create_dir(&own).unwrap();
        let lock = File::create(own.join("lock")).unwrap();
        lock.lock().unwrap();
        (own, lock)
    });
    &FOLDER.0
}

//! What the whole-command tests share: the program, small rendered data and a trained network, each made once.

#[cfg(unix)]
pub(crate) mod disk;
pub(crate) mod server;
mod shared;

use assert_cmd::Command;
pub(crate) use shared::shared_folder;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex},
};

/// The program, away from the user's settings.
pub(crate) fn facekp() -> Command {
    let mut c = Command::cargo_bin("facekp").unwrap();
    c.env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
    c
}

/// A folder of its own below `dir` with `count` rendered pictures; the same ones are rendered once and copied.
pub(crate) fn synth(dir: &Path, scheme: &str, count: usize) -> PathBuf {
    static RENDERING: Mutex<()> = Mutex::new(());
    let from = shared_folder().join(format!("{scheme}-{count}"));
    {
        let _alone = RENDERING.lock();
        if !from.exists() {
            let count = count.to_string();
            let mut c = facekp();
            c.args(["datasets", "synth", "--scheme", scheme, "--count", &count, "--out"]).arg(&from).assert().success();
        }
    }
    let out = dir.join(if scheme == "imm58" { "imm_face_db" } else { "ibug_300W" });
    copy(&from, &out);
    out
}

/// Copies a folder with all that is below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap()) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Four rendered people, six pictures each, never changed: the parent of `imm_face_db/`.
pub(crate) fn people() -> &'static Path {
    static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = shared_folder().join("people");
        synth(&dir, "imm58", 24);
        dir
    });
    &DIR
}

/// The file name without its end of a rendered person's picture: the letter of the sex is the renderer's choice.
pub(crate) fn stem(person: usize, pose: usize) -> String {
    let start = format!("{person:02}-{pose}");
    let list = std::fs::read_dir(people().join("imm_face_db")).unwrap();
    list.map(|e| e.unwrap().path())
        .find(|p| {
            p.extension().is_some_and(|x| x == "jpg") && p.file_name().unwrap().to_str().unwrap().starts_with(&start)
        })
        .map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned())
        .unwrap()
}

/// The first rendered picture.
pub(crate) fn picture() -> PathBuf {
    people().join("imm_face_db").join(stem(1, 1) + ".jpg")
}

/// The nose recipe, small enough for a test.
pub(crate) const SMALL: [&str; 8] = [
    "--set",
    "train.ema=0.0",
    "--set",
    "task.model.channels=[4,6,8]",
    "--set",
    "task.model.hidden=16",
    "--device",
    "cpu",
];

/// A small trained nose network, trained once and never changed: the parent of the run folder `nose/`.
pub(crate) fn trained() -> &'static Path {
    static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = shared_folder().join("trained");
        train(&dir.join("nose"), 2).assert().success();
        dir
    });
    &DIR
}

/// `facekp train nose` in small, for `epochs` epochs.
pub(crate) fn train(run: &Path, epochs: usize) -> Command {
    let mut c = facekp();
    c.args(["train", "nose"]).args(SMALL).args(["--set", &format!("train.epochs={epochs}")]);
    c.arg("--data").arg(people()).arg("--out").arg(run);
    c
}

/// Asserts that a command failed as promised: status 1, nothing on stdout, one line on stderr that holds every one of
/// `words`.
pub(crate) fn fails_with(command: &mut Command, words: &[&str]) {
    let out = command.assert().code(1).get_output().clone();
    let text = String::from_utf8(out.stderr).unwrap();
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("facekp: ")).collect();
    assert_eq!(lines.len(), 1, "one line: {text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is not in {:?}", lines[0]);
    }
}

/// Every file below `dir`, with its length.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    let Ok(list) = std::fs::read_dir(dir) else { return all };
    for entry in list {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    all.sort();
    all
}

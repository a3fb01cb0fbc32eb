//! A training that is killed and resumed ends with the same numbers as one that never stopped, to the bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::train;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

const EPOCHS: usize = 40;

/// The history without its clock.
fn history(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap_or_default();
    text.lines().map(|l| l.rsplit_once(',').unwrap().0.to_owned()).collect()
}

/// The optimiser's tensors, without the header, which holds the history with its clock.
fn values(run: &Path) -> Vec<u8> {
    let bytes = fs::read(run.join("optim.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert!(bytes.len() > 8 + header);
    bytes[8 + header..].to_vec()
}

#[test]
fn kill_9_then_resume_equals_an_uninterrupted_run() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
    train(&whole, EPOCHS).assert().success();

    let command = train(&cut, EPOCHS);
    let mut child = Command::new(command.get_program())
        .args(command.get_args())
        .env_remove("FACEKP_DATA")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Killed as soon as there is something to resume, wherever in the next epoch that is.
    while history(&cut).len() < 3 && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = history(&cut).len();
    assert!((3..=EPOCHS).contains(&before), "killed in the middle: {before} lines");

    train(&cut, EPOCHS).arg("--resume").assert().success();
    assert_eq!(history(&whole), history(&cut));
    for name in ["last.safetensors", "best.safetensors", "eval.json"] {
        assert!(fs::read(whole.join(name)).unwrap() == fs::read(cut.join(name)).unwrap(), "{name} differs");
    }
    assert!(values(&whole) == values(&cut), "optim.safetensors differs");
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_gives_others() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let run = dir.path().join(name);
        train(&run, 1).args(more).assert().success();
        fs::read(run.join("last.safetensors")).unwrap()
    };
    let (a, b) = (run("a", &[]), run("b", &[]));
    assert!(a == b);
    assert!(a != run("c", &["--set", "train.seed=2"]));
}

//! A training that is killed and resumed ends with the same numbers as one that never stopped, bit for bit.

use crate::common::{self, train};
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

/// The optimizer's tensors, without the header, which holds the history with its clock.
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

/// The numbers of a run: its history and weights.
fn numbers(run: &Path) -> (Vec<String>, Vec<u8>, Vec<u8>) {
    (history(run), fs::read(run.join("best.safetensors")).unwrap(), values(run))
}

/// `facekp train nose --resume` and nothing of what the run was started with.
fn resume(run: &Path) -> assert_cmd::Command {
    let mut c = common::facekp();
    c.args(["train", "nose", "--resume", "--device", "cpu", "--data"]).arg(common::people()).arg("--out").arg(run);
    c
}

#[test]
fn a_resumed_run_needs_nothing_again_and_takes_no_contradiction() {
    let dir = tempfile::tempdir().unwrap();
    let (run, file) = (dir.path().join("run"), dir.path().join("mine.toml"));
    let text = include_str!("../crates/train/recipes/nose.toml");
    fs::write(&file, text).unwrap();
    let begin = |more: &[&str]| {
        let mut c = common::facekp();
        c.arg("train")
            .arg(&file)
            .args(["--device", "cpu", "--data"])
            .arg(common::people())
            .arg("--out")
            .arg(&run)
            .args(more);
        c
    };
    begin(&common::SMALL[..6]).args(["--epochs", "2"]).assert().success();
    let before = numbers(&run);
    begin(&["--resume"]).assert().success();
    begin(&["--resume", "--set", "train.epochs=2"]).assert().success();
    assert_eq!(numbers(&run), before);
    let words = "started with another recipe: train.epochs was 2, is now 3";
    common::fails_with(&mut begin(&["--resume", "--set", "train.epochs=3"]), &[words]);
    let words = "started with another recipe: train.seed";
    fs::write(&file, text.replacen("seed = 1", "seed = 8", 1)).unwrap();
    common::fails_with(&mut begin(&["--resume"]), &[words]);
    let mut other = resume(&run);
    common::fails_with(other.args(["--set", "name=other"]), &["name: "]);
    begin(&["--resume", "--epochs", "0"]).assert().code(2);
    fs::write(&file, text).unwrap();
    common::fails_with(
        &mut begin(&["--resume", "--epochs", "1"]),
        &["expected at least the 2 epochs that are done, got 1"],
    );
    assert_eq!(numbers(&run), before);
}

/// A constant rate knows nothing of the end: longer training is the same as having asked for it at once.
#[test]
fn a_run_is_trained_longer_and_shows_where() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, longer, cycle] = ["whole", "longer", "cycle"].map(|n| dir.path().join(n));
    let constant = ["--set", "train.schedule={kind=\"constant\",lr=1e-3}"];
    train(&whole, 4).args(constant).assert().success();
    train(&longer, 2).args(constant).assert().success();
    resume(&longer).args(["--epochs", "4"]).assert().success();
    assert!(values(&whole) == values(&longer), "other weights");
    let column = |run: &Path, name: &str| -> Vec<String> {
        let text = fs::read_to_string(run.join("history.csv")).unwrap();
        let at = text.lines().next().unwrap().split(',').position(|c| c == name);
        at.map_or(Vec::new(), |at| text.lines().skip(1).map(|l| l.split(',').nth(at).unwrap().to_owned()).collect())
    };
    assert_eq!(column(&longer, "total_epochs"), ["2", "2", "4", "4"]);
    assert_eq!(column(&longer, "val_loss"), column(&whole, "val_loss"));
    assert!(column(&whole, "total_epochs").is_empty());
    assert!(fs::read_to_string(longer.join("recipe.toml")).unwrap().contains("epochs = 4"));
    // nothing needs to be said again, and the report reads it
    resume(&longer).assert().success();
    let page = dir.path().join("page");
    common::facekp()
        .arg("report")
        .arg(&longer)
        .arg("--data")
        .arg(common::people())
        .arg("--out")
        .arg(&page)
        .assert()
        .success();
    assert!(fs::read_to_string(page.join("index.html")).unwrap().contains("4 epochs instead of 2"));
    // a cycle is stretched, and the log says so
    train(&cycle, 2).assert().success();
    let said = resume(&cycle).args(["--epochs", "4"]).assert().success().get_output().stderr.clone();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("4 epochs instead of 2 from epoch 3 on: the schedule is stretched"), "{said}");
    let rates: Vec<f64> = column(&cycle, "lr").iter().map(|r| r.parse().unwrap()).collect();
    assert!(rates[2] > 100.0 * rates[1], "{rates:?}");
}

//! The CPU and a GPU give the same loss within 1e-3 after ten steps, where there is a GPU and the program is built for
//! it.

use crate::common::{facekp, synth};
use std::path::Path;

/// The validation loss after one epoch.
fn loss(data: &Path, run: &Path, recipe: &str, device: &str) -> f64 {
    let mut train = facekp();
    train.args(["train", recipe, "--device", device, "--no-tf32", "--data"]).arg(data).arg("--out").arg(run);
    train.args(["--set", "train.epochs=1", "--set", "train.ema=0.0"]).assert().success();
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    history.lines().nth(1).unwrap().split(',').nth(2).unwrap().parse().unwrap()
}

#[test]
fn losses_after_ten_steps() {
    if facekp::vision::ops::new_cuda(0).is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // fifteen people, of whom thirteen train: 78 pictures in ten batches of 8
    synth(dir.path(), "imm58", 90);
    for recipe in ["nose", "face58"] {
        let cpu = loss(dir.path(), &dir.path().join(format!("{recipe}-cpu")), recipe, "cpu");
        let gpu = loss(dir.path(), &dir.path().join(format!("{recipe}-gpu")), recipe, "cuda:0");
        assert!((cpu - gpu).abs() < 1e-3 * cpu.max(1.0), "{recipe}: {cpu} on the CPU, {gpu} on the GPU");
    }
}

//! Names of weights mean the same to every command and to recipes.

use crate::common::{self, SMALL, facekp, fails_with, people, train};
use std::fs;

#[test]
fn weights_are_found_by_the_same_names_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    train(&dir.path().join("runs/mine"), 1).assert().success();
    let below = dir.path().join("below");
    fs::create_dir(&below).unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(&below).args(args);
        c
    };
    let picture = common::picture();
    let picture = picture.to_str().unwrap();
    let data = people().to_str().unwrap();
    // `nose` is shipped with the program's sources, `mine` is a run above this folder
    for name in ["nose", "mine"] {
        at(&["predict", name, picture]).assert().success();
        at(&["eval", name, "--split", "val", "--data", data]).assert().success();
        at(&["export", name, "--name", "copy", "--out", "out", "--data", data]).assert().success();
        let from = format!("train.init_from=\"{name}\"");
        let args = ["train", "nose", "--epochs", "1", "--set", &from, "--data", data, "--out"];
        let network = if name == "mine" { &SMALL[..] } else { &[] };
        at(&args).arg(name).args(network).assert().success();
        fs::remove_dir_all(below.join(name)).unwrap();
    }
    at(&["report", "mine", "--out", "page", "--data", data]).assert().success();
    fails_with(&mut at(&["predict", "nosy", picture]), &["nosy: expected a weights file", "known: ", "mine", "nose"]);
    let args = ["train", "nose", "--set", "train.init_from=\"nosy\"", "--device", "cpu", "--data", data];
    fails_with(&mut at(&args), &["train.init_from: nosy: expected a weights file", "known: ", "mine", "nose"]);
}

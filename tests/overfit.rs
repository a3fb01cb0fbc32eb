//! Every network can learn: it memorizes sixteen faces, to an error below 2 % of the eye distance. Real faces where
//! `FACEKP_DATA` has them, else rendered ones.

use crate::common::{facekp, synth};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each is seen ten times an epoch: an epoch ends with a checkpoint, which takes longer than a step here.
const FACES: usize = 16;

/// A folder with sixteen faces of a dataset, and no other.
fn sixteen(dir: &Path, name: &str, inside: &str, scheme: &str, end: &str) -> PathBuf {
    let real = std::env::var_os("FACEKP_DATA").map(|d| PathBuf::from(d).join(name)).filter(|d| d.is_dir());
    let rendered = tempfile::tempdir().unwrap();
    let from = real.unwrap_or_else(|| synth(rendered.path(), scheme, 48)).join(inside);
    let to = dir.join(name).join(inside);
    fs::create_dir_all(&to).unwrap();
    let mut faces: Vec<PathBuf> = fs::read_dir(&from).unwrap().map(|e| e.unwrap().path()).collect();
    faces.retain(|p| p.extension().is_some_and(|x| x == end));
    faces.sort();
    assert!(faces.len() >= FACES, "{} faces in {}", faces.len(), from.display());
    for points in &faces[..FACES] {
        let picture = ["jpg", "png"].map(|x| points.with_extension(x)).into_iter().find(|p| p.is_file()).unwrap();
        for file in [points, &picture] {
            fs::copy(file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    dir.join(name)
}

/// Trains on the faces and returns the NME on the same ones.
fn learned(recipe: &str, data: &Path, settings: &[&str]) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let mut c = facekp();
    c.args(["--quiet", "train", recipe, "--device", "cpu", "--data"]).arg(data).arg("--out").arg(&run);
    let plain =
        ["data.val.split=all", "data.allow_overlap=true", "train.ema=0.0", "train.augment={}", "train.flip_test=false"];
    for set in plain.iter().chain(settings) {
        c.args(["--set", set]);
    }
    c.assert().success();
    let out = facekp()
        .args(["eval", "--split", "all", "--json", "-", "--device", "cpu", "--data"])
        .arg(data)
        .arg(run.join("last.safetensors"))
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let summary: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(summary["faces"], FACES);
    summary["nme"].as_f64().unwrap()
}

#[test]
fn the_small_networks_learn_sixteen_faces_by_heart() {
    let dir = tempfile::tempdir().unwrap();
    let data = sixteen(dir.path(), "imm_face_db", "", "imm58", "asf");
    let all = "data.train=[{ path = \"imm_face_db\", split = \"all\", weight = 10.0 }]";
    let nme = learned("nose", &data, &[all, "train.epochs=15", "train.validate_every=15"]);
    assert!(nme < 0.02, "nose: {nme}");
    let all = "data.train=[{ path = \"imm_face_db\", split = \"all\", weight = 10.0 }]";
    let nme = learned("face58", &data, &[all, "train.epochs=12", "train.validate_every=12"]);
    assert!(nme < 0.02, "face58: {nme}");
}

#[test]
fn small_versions_of_the_large_networks_learn_sixteen_faces_by_heart() {
    large(&["task.model.depth=18"]);
}

#[test]
#[ignore = "trains for five minutes"]
fn the_large_networks_learn_sixteen_faces_by_heart() {
    large(&[]);
}

fn large(network: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let data = sixteen(dir.path(), "ibug_300W", "helen/trainset", "ibug68", "pts");
    let settings = [
        "data.train=[{ path = \"ibug_300W\", split = \"all\", weight = 10.0 }]",
        "task.view.width=64",
        "task.view.height=64",
        "train.epochs=16",
        "train.validate_every=16",
        "train.batch=8",
        "train.init_from=",
        "train.schedule.rise=0.3",
    ];
    let settings = [&settings[..], network].concat();
    let nme = learned("ibug68_heatmap_128", &data, &settings);
    assert!(nme < 0.02, "heatmap: {nme}");
    let nme = learned("ibug68_resnet50_128", &data, &settings);
    assert!(nme < 0.02, "resnet50: {nme}");
}

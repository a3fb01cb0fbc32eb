//! `predict` finds the faces of pictures itself: every one, none, the largest; by folders, patterns and lines.

use crate::common::{facekp, fails_with, people, picture, trained};
use image::{Rgb, RgbImage, imageops};
use predicates::str::contains;
use serde_json::Value;
use std::{fs, path::Path};

/// The portrait in the public domain that the finder is tested with.
fn portrait() -> RgbImage {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/eval/tests/pictures/astronaut.jpg");
    image::open(file).unwrap().into_rgb8()
}

fn predict(dir: &Path, pictures: &[&str]) -> assert_cmd::Command {
    let mut c = facekp();
    c.current_dir(dir).args(["predict", "--weights"]).arg(trained().join("nose")).args(pictures);
    c
}

fn entries(command: &mut assert_cmd::Command) -> Vec<Value> {
    let out = command.args(["--json", "-"]).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&out).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut all: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

/// A large face to the left and a small one to the right.
fn pair(file: &Path) {
    let (one, mut two) = (portrait(), RgbImage::from_pixel(800, 512, Rgb([90; 3])));
    imageops::replace(&mut two, &one, 0, 0);
    imageops::replace(&mut two, &imageops::resize(&one, 256, 256, imageops::FilterType::Triangle), 530, 100);
    two.save(file).unwrap();
}

#[test]
fn every_face_has_its_files_and_those_of_an_earlier_call_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    pair(&dir.path().join("two.png"));
    let found = entries(predict(dir.path(), &["two.png"]).arg("--crop"));
    let faces = found[0]["faces"].as_array().unwrap();
    assert_eq!(faces.len(), 2, "{found:?}");
    assert_eq!(found[0]["overlay"], "predictions/two.keypoints.png");
    let files: Vec<&str> = faces.iter().map(|f| f["pts"].as_str().unwrap()).collect();
    assert_eq!(files, ["predictions/two.keypoints.pts", "predictions/two.keypoints.2.pts"]);
    for face in faces {
        assert!(face["score"].as_f64().unwrap() > 0.5 && face["roll"].as_f64().unwrap().abs() < 15.0, "{face}");
    }
    let written = names(&dir.path().join("predictions"));
    let ends = [".2.crop.png", ".2.pts", ".crop.png", ".png", ".pts"].map(|e| format!("two.keypoints{e}"));
    assert_eq!(written, ends);
    let crop = image::open(dir.path().join("predictions/two.keypoints.crop.png")).unwrap();
    assert_eq!(crop.width().max(crop.height()), 256);
    let largest = entries(predict(dir.path(), &["two.png"]).args(["--faces", "largest"]));
    let faces = largest[0]["faces"].as_array().unwrap();
    assert!(faces.len() == 1 && faces[0]["points"][0][0].as_f64().unwrap() < 400.0, "{largest:?}");
    let written = names(&dir.path().join("predictions"));
    assert_eq!(written, ["two.keypoints.crop.png", "two.keypoints.png", "two.keypoints.pts"]);
}

#[test]
fn a_picture_without_a_face_is_a_line_and_a_failure_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    RgbImage::new(300, 200).save(dir.path().join("black.png")).unwrap();
    let found = entries(&mut predict(dir.path(), &["black.png"]));
    assert_eq!((&found[0]["faces"], &found[0]["error"]), (&Value::Array(vec![]), &Value::Null));
    assert_eq!(found[0]["overlay"], Value::Null);
    predict(dir.path(), &["black.png"]).assert().success().stderr(contains("black.png: no face"));
    assert!(!dir.path().join("predictions").exists(), "nothing is written of nothing");
    fails_with(predict(dir.path(), &["black.png"]).arg("--require-face"), &["black.png: expected a face, found none"]);
    let (two, words) = (["black.png", "black.png"], ["2 of 2 pictures: expected a face, found none"]);
    fails_with(predict(dir.path(), &two).arg("--require-face"), &words);
}

#[test]
fn the_old_order_is_answered_with_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let run = trained().join("nose").display().to_string();
    for weights in ["nose", &run, "x/y.safetensors"] {
        let line = format!("got the weights {weights}; now it is: facekp predict a.jpg --weights {weights}");
        let mut command = facekp();
        command.current_dir(dir.path()).args(["predict", weights, "a.jpg"]).assert().code(2).stderr(contains(line));
    }
}

#[test]
fn lines_and_list_are_the_same_whatever_the_threads() {
    let dir = tempfile::tempdir().unwrap();
    pair(&dir.path().join("two.png"));
    RgbImage::new(64, 64).save(dir.path().join("none.png")).unwrap();
    fs::write(dir.path().join("broken.jpg"), "no picture").unwrap();
    let pattern = people().join("imm_face_db/*1m.jpg").display().to_string();
    let mut texts = Vec::new();
    for threads in ["1", "2", "5"] {
        let mut command = predict(dir.path(), &["two.png", "none.png", "broken.jpg", &pattern]);
        command.env("RAYON_NUM_THREADS", threads).args(["--json", "all.json", "--jsonl", "all.jsonl"]);
        command.assert().code(1).stderr(contains("pictures/s"));
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let list: Vec<Value> = serde_json::from_str(&read("all.json")).unwrap();
        let lines: Vec<Value> = read("all.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(list, lines);
        assert!(list.len() == 6 && list[2]["error"].is_string(), "the pattern is expanded: {}", list.len());
        texts.push(read("all.json"));
    }
    assert!(texts[0] == texts[1] && texts[0] == texts[2], "results depend on the number of threads");
    let both = ["--json", "-", "--jsonl", "-"];
    predict(dir.path(), &["two.png"]).args(both).assert().code(2).stderr(contains("one of them on stdout"));
}

#[test]
fn wrong_choices_of_faces_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let photo = picture().display().to_string();
    for (wrong, words) in [
        (&["--faces", "0"][..], "expected all, largest or a number from 1 on"),
        (&["--faces", "some"], "got \"some\""),
        (&["--smallest", "1"], "--smallest"),
        (&["--box", "1,2,3,4", "--smallest", "9"], "cannot be used with"),
    ] {
        predict(dir.path(), &[&photo]).args(wrong).assert().code(2).stderr(contains(words));
    }
    fails_with(predict(dir.path(), &[&photo]).arg("--heatmap"), &["--heatmap: expected a network with heatmaps"]);
}

#[test]
fn whoever_gave_a_box_is_not_told_to_give_one() {
    let dir = tempfile::tempdir().unwrap();
    let picture = RgbImage::from_fn(120, 80, |x, y| Rgb([2 * x as u8, 3 * y as u8, 100]));
    picture.save(dir.path().join("none.png")).unwrap();
    let mut c = facekp();
    c.current_dir(dir.path()).args(["predict", "none.png", "--box", "10,10,60,60"]);
    let said = String::from_utf8(c.assert().success().get_output().stderr.clone()).unwrap();
    assert!(said.contains("none.png: the network is unsure") && !said.contains("--box"), "{said}");
}

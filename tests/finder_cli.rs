//! `facekp eval` of a face finder, and its section of the report.

use crate::common::{copy, facekp, fails_with, people, trained};
use image::{Rgb, RgbImage, imageops};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The face of the portrait, by `crates/eval/tests/finder/reference.json`: x, y, width, height.
const FACE: [f64; 4] = [178.0, 63.0, 90.0, 113.0];

/// Photos of the portrait: as it is, at half the size with a face annotated where none is, and without annotation.
fn photos(dir: &Path) {
    let portrait = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/eval/tests/pictures/astronaut.jpg");
    let portrait = image::open(portrait).unwrap().into_rgb8();
    let half = imageops::resize(&portrait, 256, 256, imageops::FilterType::Triangle);
    let sky = RgbImage::from_fn(320, 240, |_, y| Rgb([(90 + y / 3) as u8, (130 + y / 3) as u8, 220]));
    let mut list = Vec::new();
    let halved = FACE.map(|v| v / 2.0);
    let all = [
        ("whole.png", &portrait, vec![FACE]),
        ("half.png", &half, vec![halved, [5.0, 200.0, 20.0, 20.0]]),
        ("sky.png", &sky, vec![]),
        ("unknown.png", &portrait, vec![]),
    ];
    for (file, picture, boxes) in all {
        picture.save(dir.join(file)).unwrap();
        let faces: Vec<Value> = boxes.iter().map(|b| json!({ "box": b })).collect();
        list.push(json!({ "file": file, "width": picture.width(), "height": picture.height(), "faces": faces }));
    }
    fs::write(dir.join("boxes.json"), Value::from(list).to_string()).unwrap();
}

fn eval(dir: &Path, args: &[&str]) -> assert_cmd::Command {
    let mut c = facekp();
    c.args(["eval", "face_finder", "--device", "cpu", "--data"]).arg(dir).args(args);
    c
}

#[test]
fn a_face_finder_is_measured_on_photos_by_size_of_face() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path());
    let curve = dir.path().join("out/curve.svg");
    let out = eval(dir.path(), &["--json", "-", "--draw", curve.to_str().unwrap()]).assert().success();
    let json: Value = serde_json::from_slice(&out.get_output().stdout).unwrap();
    let numbers = ["pictures", "faces", "found", "false_alarms"].map(|key| json[key].as_u64().unwrap());
    // the portrait is found three times, once without being annotated
    assert_eq!(numbers, [4, 3, 2, 1], "{json}");
    let part = |list: &str, from: f64| {
        let parts = json[list].as_array().unwrap();
        parts.iter().find(|p| p["from"] == from).unwrap().clone()
    };
    assert_eq!(part("by_size", 16.0)["recall"], 0.0);
    assert_eq!(part("by_size", 8.0)["recall"], Value::Null);
    assert_eq!((&part("at_least", 32.0)["recall"], &part("at_least", 16.0)["found"]), (&json!(1.0), &json!(2)));
    assert!(json["criterion"].as_str().unwrap().contains("intersection over union of the boxes is 0.5"));
    let areas = json["average_precision"].as_object().unwrap();
    assert_eq!(areas.keys().collect::<Vec<_>>(), ["16", "24", "32", "64"]);
    // three faces from 16 px on of which two are found: at most 2/3, whatever the order of the scores
    assert!(areas["16"].as_f64().unwrap() < 0.67 && areas["32"].as_f64().unwrap() > 0.6, "{areas:?}");
    let svg = fs::read_to_string(curve).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("64+: ") && svg.contains("recall"), "{svg}");

    let text = eval(dir.path(), &["--smallest", "40"]).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    let words = ["YuNet-s", "4 photos, 3 faces", "faces of 40 px and more", "16 to 24 px", "16 px and more"];
    for needed in words {
        assert!(text.contains(needed), "{needed} is missing: {text}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path());
    let wrong = [
        (&["--split", "val"][..], "--split: expected with a keypoint network only, got a face finder"),
        (&["--csv", "faces.csv"], "--csv: expected with a keypoint network only"),
        (&["--no-flip"], "--no-flip: expected"),
        (&["--decode", "argmax"], "--decode: expected"),
        (&["--dataset", "csv"], "--dataset: expected"),
        (&["--draw", "curve.png"], "--draw: expected a file .svg"),
        (&["--smallest", "0"], "expected pixels above 0"),
    ];
    for (args, words) in wrong {
        let out = eval(dir.path(), args).assert().code(2).get_output().stderr.clone();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(words), "{args:?}: {text}");
    }
    let mut c = facekp();
    c.args(["eval", "nose", "--smallest", "20", "--data"]).arg(people());
    let text = String::from_utf8(c.assert().code(2).get_output().stderr.clone()).unwrap();
    assert!(text.contains("--smallest: expected with a face finder only"), "{text}");
    fails_with(&mut eval(people(), &[]), &["expected one list of photos with boxes", "found none"]);
    fs::remove_file(dir.path().join("sky.png")).unwrap();
    fails_with(&mut eval(dir.path(), &[]), &["boxes.json: expected a picture that is there, got \"sky.png\""]);
}

#[test]
fn the_report_has_a_section_on_finding_faces() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path());
    let mut c = facekp();
    c.arg("report").arg(trained().join("nose")).arg("--data").arg(people()).arg("--finder").arg(dir.path());
    c.args(["--device", "cpu", "--out"]).arg(dir.path().join("page")).assert().success();
    let html = fs::read_to_string(dir.path().join("page/index.html")).unwrap();
    for needed in ["<a href=\"#finding\">", "<section id=\"finding\">", "16 to 24 px", "average precision", "32+: "] {
        assert!(html.contains(needed), "{needed} is missing");
    }
    assert!(dir.path().join("page/figures/finding-curve.png").is_file());
}

#[test]
fn a_split_of_which_no_face_is_found_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    copy(people(), dir.path());
    for file in fs::read_dir(dir.path().join("imm_face_db")).unwrap().map(|e| e.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "jpg") {
            RgbImage::new(640, 480).save(file).unwrap();
        }
    }
    let mut c = facekp();
    c.args(["eval", "face58", "--boxes", "found", "--data"]).arg(dir.path());
    fails_with(&mut c, &["--boxes found: split val: expected a face that is found, got none of 6"]);
}

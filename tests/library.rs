//! The library: it says what the program says, its modules are the crates, and its example runs.

use crate::common::facekp;
use facekp::{Detector, Picture};
use serde_json::Value;
use std::path::Path;

#[allow(dead_code)] // its `main` reads the command line
#[path = "../examples/predict.rs"]
mod predict;

const PORTRAIT: &str = "crates/eval/tests/pictures/astronaut.jpg";

#[test]
fn a_detector_finds_what_the_program_finds() {
    let (dir, portrait) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join(PORTRAIT));
    let mut c = facekp();
    c.current_dir(dir.path()).arg("predict").arg(&portrait).args(["--weights", "face68", "--device", "cpu"]);
    let out = c.args(["--json", "-"]).assert().success().get_output().stdout.clone();
    let said: Value = serde_json::from_slice(&out).unwrap();
    let said = said[0]["faces"].as_array().unwrap();

    let detector = Detector::load("face68").unwrap();
    let found = detector.predict_file(&portrait).unwrap();
    assert_eq!((found.len(), said.len()), (1, 1));
    let points = said[0]["points"].as_array().unwrap();
    assert_eq!(points.len(), detector.scheme().len());
    for (p, said) in found[0].points.iter().zip(points) {
        let [x, y] = [0, 1].map(|i| said[i].as_f64().unwrap());
        assert!((x - p.x).hypot(y - p.y) < 1e-6, "{p:?}, expected {said}");
    }
    // the portrait stands and is small: its pixels are those of the file
    let picture = Picture::from(facekp::image::open(&portrait).unwrap().into_rgb8());
    let again = detector.predict(&picture).unwrap();
    let off = again[0].points.iter().zip(&found[0].points).map(|(p, q)| p.distance(*q)).fold(0.0, f64::max);
    assert!(off < 0.5, "{off}"); // another decoder
}

#[test]
fn a_name_without_weights_is_an_error_that_lists_them() {
    let error = Detector::load("face69").err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.starts_with("face69: expected a weights file") && error.contains("face68"), "{error}");
}

#[test]
fn the_example_reads_the_portrait() {
    predict::print_faces(PORTRAIT).unwrap();
    let error = predict::print_faces("tests/no-such-photo.jpg").unwrap_err().to_string();
    assert!(error.starts_with("tests/no-such-photo.jpg: "), "{error}");
}

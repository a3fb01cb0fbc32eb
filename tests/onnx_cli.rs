//! `export --onnx`: the file's points are those that `predict` prints for the same pixels.

use crate::common::{facekp, fails_with, files, trained};
use candle_core::Device;
use facekp_eval::Finder;
use facekp_models::locate;
use image::{Rgb, RgbImage};
use predicates::str::contains;
use rten::{Model, Value};
use serde_json::Value as Json;

#[test]
fn an_exported_network_finds_what_predict_finds() {
    let dir = tempfile::tempdir().unwrap();
    let (file, picture) = (dir.path().join("deep/nose.onnx"), dir.path().join("view.png"));
    facekp()
        .arg("export")
        .arg(trained().join("nose"))
        .arg("--onnx")
        .arg(&file)
        .assert()
        .success()
        .stdout(contains("nose.onnx: image (B, 60, 80, 3) u8 -> points (B, 1, 2)\n"));
    // a picture of the view's size that is the view itself, pixel by pixel
    let view = RgbImage::from_fn(80, 60, |x, y| Rgb([x * 3, y * 4, (x * y) % 256].map(|v| v as u8)));
    view.save(&picture).unwrap();
    let out = facekp()
        .args(["predict", "--no-flip", "--json", "-", "--box", "-0.5,-0.5,80,60", "--weights"])
        .arg(trained().join("nose"))
        .arg(&picture)
        .arg("--out")
        .arg(dir.path().join("p"))
        .assert()
        .success();
    let found: Json = serde_json::from_slice(&out.get_output().stdout).unwrap();
    let model = Model::load_file(&file).unwrap();
    let input = Value::from_shape([1, 60, 80, 3], view.into_raw()).unwrap();
    let ([_, _, _], points) = model.run_one(input.into(), None).unwrap().into_shape_vec::<f32, 3>().unwrap();
    for (i, got) in points.into_iter().enumerate() {
        let want = found[0]["faces"][0]["points"][0][i].as_f64().unwrap();
        assert!((f64::from(got) - want).abs() < 0.01, "{got}, predict says {want}");
    }
}

#[test]
fn the_exported_finder_sees_the_face_that_the_finder_sees() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("finder.onnx");
    facekp().args(["export", "face_finder", "--onnx"]).arg(&file).assert().success();
    let portrait = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/eval/tests/pictures/astronaut.jpg");
    let portrait = image::open(portrait).unwrap().into_rgb8();
    let (width, height) = portrait.dimensions();
    let finder = Finder::load(&locate("face_finder").unwrap(), &Device::Cpu).unwrap();
    let best = &finder.look(&portrait, width.max(height) as usize, 0.5).unwrap()[0];
    let model = Model::load_file(&file).unwrap();
    let ids = ["boxes", "scores", "landmarks"].map(|name| model.node_id(name).unwrap());
    let input = Value::from_shape([1, height as usize, width as usize, 3], portrait.into_raw()).unwrap();
    let [boxes, scores, landmarks] = model.run_n(vec![(model.input_ids()[0], input.into())], ids, None).unwrap();
    let (boxes, scores) = (boxes.into_shape_vec::<f32, 3>().unwrap().1, scores.into_shape_vec::<f32, 2>().unwrap().1);
    let landmarks = landmarks.into_shape_vec::<f32, 4>().unwrap().1;
    let at = (0..scores.len()).max_by(|&i, &j| scores[i].total_cmp(&scores[j])).unwrap();
    assert!(scores[at] > 0.8 && (scores[at] - best.score).abs() < 1e-4, "{} {}", scores[at], best.score);
    let b = best.bounds;
    let points = best.landmarks.iter().flat_map(|p| [p.x, p.y]);
    let got = boxes[4 * at..4 * at + 4].iter().chain(&landmarks[10 * at..10 * at + 10]);
    for (got, want) in got.zip([b.x, b.y, b.width, b.height].into_iter().chain(points)) {
        assert!((f64::from(*got) - want).abs() < 0.02, "{got}, the finder says {want}");
    }
}

#[test]
fn every_shipped_network_is_exported_and_says_what_comes_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.onnx");
    for (name, says) in [
        ("face58", "image (B, 180, 240, 3) f32 -> points (B, 58, 2)\n"),
        ("face68", "image (B, 256, 256, 3) f32 -> points (B, 68, 2), confidence (B, 68), sigma (B, 68)\n"),
        ("face_finder", "image (B, H, W, 3) f32 -> boxes (B, N, 4), scores (B, N), landmarks (B, N, 5, 2)\n"),
    ] {
        let mut c = facekp();
        c.args(["export", name, "--input", "f32", "--onnx"]).arg(&file).assert().success().stdout(contains(says));
        Model::load_file(&file).unwrap();
    }
}

#[test]
fn nothing_but_onnx_files_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let weights = dir.path().join("mine.safetensors");
    std::fs::write(&weights, "precious").unwrap();
    fails_with(
        facekp().args(["export", "nose", "--onnx"]).arg(&weights),
        &["--onnx: expected a file that ends in .onnx"],
    );
    let file = dir.path().join("x.onnx");
    fails_with(
        facekp().args(["export", "face_finder", "--flip", "--onnx"]).arg(&file),
        &["flip: expected a network of keypoints, got the face finder"],
    );
    fails_with(
        facekp().args(["export", "mobilenet_v2_imagenet", "--onnx"]).arg(&file),
        &["mobilenet_v2_imagenet.safetensors", "another program"],
    );
    assert_eq!(files(dir.path()), [(weights, 8)]);
}

#[test]
fn what_is_to_be_written_has_to_be_said_and_said_once() {
    facekp().args(["export", "nose"]).assert().code(2).stderr(contains("--name"));
    facekp().args(["export", "nose", "--onnx", "x.onnx", "--name", "x"]).assert().code(2);
    facekp().args(["export", "nose", "--name", "x", "--flip"]).assert().code(2).stderr(contains("--flip"));
    facekp().args(["export", "nose", "--out", "x", "--flip"]).assert().code(2).stderr(contains("--flip"));
    facekp()
        .args(["export", "nose", "--onnx", "x.onnx", "--input", "i8"])
        .assert()
        .code(2)
        .stderr(contains("u8 or f32"));
}

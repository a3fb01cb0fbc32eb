//! Expected errors of points: measured by a command, kept in the weights, told by `predict` and `eval`.

use crate::common::{facekp, fails_with, synth, trained};
use facekp_models::WeightsFile;
use predicates::prelude::{PredicateBooleanExt, predicate::str::contains};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

#[test]
fn what_is_measured_stays_with_the_weights() {
    let dir = tempfile::tempdir().unwrap();
    let faces = synth(dir.path(), "ibug68", 20);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    for file in ["face68.safetensors", "manifest.toml"] {
        fs::copy(shipped.join(file), dir.path().join(file)).unwrap();
    }
    let weights = dir.path().join("face68.safetensors");
    let before = fs::metadata(&weights).unwrap().len();
    let mut calibrate = facekp();
    calibrate.arg("calibrate").arg(&weights).arg("--overwrite").arg("--data").arg(dir.path());
    let said = calibrate.assert().success().stdout(contains("expected (measured) px"));
    said.stderr(contains("nothing was written").not());
    // half precision stays half precision
    let bytes = fs::read(&weights).unwrap();
    assert!((bytes.len() as u64).abs_diff(before) < 4096, "{} {before}", bytes.len());
    let manifest: toml::Table = fs::read_to_string(dir.path().join("manifest.toml")).unwrap().parse().unwrap();
    let sha: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(manifest["face68"]["sha256"].as_str().unwrap(), sha);

    let kept = || WeightsFile::read(&weights).unwrap().manifest.calibration.unwrap();
    let plain = kept();
    assert!(!plain.data().contains("views"), "{plain:?}");
    let mut changed = facekp();
    changed.arg("calibrate").arg(&weights).args(["--augment", "2", "--overwrite", "--data"]).arg(dir.path());
    changed.assert().success().stderr(contains("trained on its validation faces").not());
    assert!(kept().data().ends_with("each in 2 changed views") && kept() != plain, "{:?}", kept());
    // by a copy of itself it is what it was, in other words
    let copy = dir.path().join("copy.safetensors");
    fs::copy(&weights, &copy).unwrap();
    let mut like = facekp();
    like.arg("calibrate").arg(&weights).arg("--overwrite").arg("--like").arg(&copy).arg("--data").arg(dir.path());
    like.assert().success().stderr(contains("--like RUN takes a run that kept them apart"));
    assert!(kept().data().contains(", by face68, trained on iBUG 300-W") && kept().error(20.0) == plain.error(20.0));

    let mut eval = facekp();
    eval.arg("eval").arg(&weights).arg("--data").arg(dir.path()).args(["--by", "sigma"]);
    eval.assert().success().stdout(contains("expected px").and(contains("ratio")));
    let picture = fs::read_dir(faces.join("afw")).ok().into_iter().flatten().chain(fs::read_dir(&faces).unwrap());
    let picture = picture.map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|x| x == "jpg" || x == "png"));
    let mut predict = facekp();
    predict.arg("predict").arg(picture.unwrap_or(faces)).arg("--weights").arg(&weights).args(["--json", "-", "--out"]);
    let out = predict.arg(dir.path().join("out")).assert().success().get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&out).unwrap();
    let faces = found.as_array().unwrap().iter().flat_map(|p| p["faces"].as_array().unwrap());
    let sigma: Vec<f64> =
        faces.flat_map(|f| f["sigma"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap())).collect();
    assert!(!sigma.is_empty() && sigma.iter().all(|s| *s > 0.0 && *s < 200.0), "{sigma:?}");
}

#[test]
fn weights_are_replaced_only_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    synth(dir.path(), "ibug68", 20);
    let [weights, copy] = ["face68.safetensors", "new/copy.safetensors"].map(|name| dir.path().join(name));
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/face68.safetensors"), &weights).unwrap();
    let before = fs::read(&weights).unwrap();
    let calibrate = |more: &[&str]| {
        let mut c = facekp();
        c.arg("calibrate").arg(&weights).arg("--data").arg(dir.path()).args(more);
        c
    };
    let said = calibrate(&[]).assert().success().stdout(contains("expected (measured) px"));
    said.stderr(contains("nothing was written: --overwrite keeps this in").and(contains("face68.safetensors")));
    let out = ["--out", copy.to_str().unwrap()];
    calibrate(&out).assert().success().stderr(contains("nothing was written").not());
    let kept = |file: &Path| WeightsFile::read(file).unwrap().manifest.calibration.unwrap().data().to_owned();
    assert!(kept(&copy) != kept(&weights), "{}", kept(&copy));
    fails_with(&mut calibrate(&out), &["copy.safetensors: expected no such file yet, or --overwrite"]);
    fails_with(&mut calibrate(&["--out", "copy"]), &["--out: expected a file that ends in .safetensors, got copy"]);
    assert!(fs::read(&weights).unwrap() == before);
    calibrate(&[out[0], out[1], "--overwrite", "--augment", "2"]).assert().success();
    assert!(kept(&copy).ends_with("each in 2 changed views") && fs::read(&weights).unwrap() == before);
}

#[test]
fn networks_without_maps_and_without_measurements_say_so() {
    let nose = trained().join("nose");
    let data = crate::common::people();
    fails_with(facekp().arg("calibrate").arg(&nose).arg("--data").arg(data), &["a map for each point"]);
    let mut like = facekp();
    like.arg("calibrate").arg(&nose).args(["--like", "face68", "--data"]).arg(data);
    fails_with(&mut like, &["face68.safetensors", "expected the scheme, view, codec and network of nose"]);
    fails_with(facekp().arg("eval").arg(&nose).arg("--data").arg(data).args(["--by", "sigma"]), &["facekp calibrate"]);
}

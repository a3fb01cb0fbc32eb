//! Each command on small rendered data, start to end.

use crate::common::{self, facekp, files, people, picture, synth, train, trained};
use predicates::str::contains;
use serde_json::Value;

fn json(command: &mut assert_cmd::Command) -> Value {
    let out = command.assert().success().get_output().stdout.clone();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn every_command_has_a_help_with_an_example() {
    for command in [&["train"][..], &["eval"], &["predict"], &["report"], &["export"], &["bench"]] {
        facekp().args(command).arg("--help").assert().success().stdout(contains("Example: facekp"));
    }
    for command in ["synth", "check", "fetch", "preview", "scheme", "convert", "pack"] {
        facekp().args(["datasets", command, "--help"]).assert().success().stdout(contains("Example: facekp"));
    }
}

#[test]
fn wrong_usage_ends_with_status_2() {
    facekp().arg("no-such-command").assert().code(2);
    facekp().args(["eval", "nose", "--split", "best"]).assert().code(2).stderr(contains("expected one of train"));
    facekp().args(["eval", "nose", "--decode", "best"]).assert().code(2).stderr(contains("expected argmax, quarter"));
    facekp()
        .args(["predict", "x.jpg", "--weights", "nose", "--box", "1,2,3"])
        .assert()
        .code(2)
        .stderr(contains("expected X,Y,W,H"));
}

#[test]
fn rendered_faces_pass_the_check_in_both_formats() {
    facekp().args(["datasets", "check"]).arg(people().join("imm_face_db")).assert().success().stdout(contains("24"));
    let dir = tempfile::tempdir().unwrap();
    let ibug = synth(dir.path(), "ibug68", 20);
    facekp().args(["datasets", "check"]).arg(ibug).assert().success().stdout(contains("68"));
}

#[test]
fn a_run_folder_holds_what_is_promised_and_its_numbers_are_reproduced() {
    let run = trained().join("nose");
    for name in [
        "recipe.toml",
        "history.csv",
        "best.safetensors",
        "last.safetensors",
        "optim.safetensors",
        "eval.json",
        "predictions.json",
    ] {
        assert!(run.join(name).is_file(), "{name}");
    }
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let mut lines = history.lines();
    assert!(lines.next().unwrap().starts_with("epoch,train_loss,val_loss,val_nme"));
    assert_eq!(lines.count(), 2, "one row per epoch");
    let recorded: Value = serde_json::from_slice(&std::fs::read(run.join("eval.json")).unwrap()).unwrap();
    let again =
        json(facekp().arg("eval").arg(&run).arg("--data").arg(people()).args(["--split", "val", "--json", "-"]));
    for key in
        ["faces", "points", "mean_px", "median_px", "nme", "auc_08", "fr_08", "auc_10", "fr_10", "normalizer", "split"]
    {
        assert!(again.get(key).is_some(), "{key}");
    }
    assert_eq!(recorded["mean_px"], again["mean_px"]);
    assert_eq!(again["points"], 1);
    facekp().arg("eval").arg(&run).arg("--data").arg(people()).assert().success().stdout(contains("median px"));
}

#[test]
fn predict_writes_overlay_points_and_json_in_the_pictures_own_pixels() {
    let out = tempfile::tempdir().unwrap();
    let found = json(
        facekp()
            .args(["predict", "--weights"])
            .arg(trained().join("nose"))
            .arg(picture())
            .arg("--out")
            .arg(out.path())
            .args(["--json", "-"]),
    );
    let [x, y] = [0, 1].map(|i| found[0]["faces"][0]["points"][0][i].as_f64().unwrap());
    assert!((0.0..640.0).contains(&x) && (0.0..480.0).contains(&y), "{x} {y}");
    assert_eq!(found[0]["faces"][0]["box"].as_array().unwrap().len(), 4);
    let overlay = image::open(out.path().join(format!("{}.keypoints.png", common::stem(1, 1)))).unwrap();
    assert_eq!((overlay.width(), overlay.height()), (640, 480));
    let pts = std::fs::read_to_string(out.path().join(format!("{}.keypoints.pts", common::stem(1, 1)))).unwrap();
    let row = pts.lines().find(|l| l.split(' ').all(|w| w.parse::<f64>().is_ok())).unwrap();
    let first: f64 = row.split(' ').next().unwrap().parse().unwrap();
    assert!((first - (x + 1.0)).abs() < 1e-3, ".pts counts from 1: {first} against {x}");
}

#[test]
fn eval_draws_what_it_measures() {
    let dir = tempfile::tempdir().unwrap();
    let picture = dir.path().join("faces.png");
    facekp()
        .arg("eval")
        .arg(trained().join("nose"))
        .args(["--split", "val", "--data"])
        .arg(people())
        .arg("--draw")
        .arg(&picture)
        .assert()
        .success()
        .stdout(contains("sees the whole picture"));
    let drawn = image::open(&picture).unwrap().into_rgb8();
    let red = drawn.pixels().filter(|p| p.0[0] > 200 && p.0[1] < 60 && p.0[2] < 60).count();
    let blue = drawn.pixels().filter(|p| p.0[2] > 200 && p.0[0] < 60).count();
    assert!(red > 20 && blue > 20, "{red} red, {blue} blue");
}

#[test]
fn one_broken_picture_does_not_lose_the_others() {
    let out = tempfile::tempdir().unwrap();
    let broken = out.path().join("broken.jpg");
    std::fs::write(&broken, []).unwrap();
    let predictions = out.path().join("p");
    facekp()
        .args(["predict", "--weights"])
        .arg(trained().join("nose"))
        .args([&broken, &picture()])
        .arg("--out")
        .arg(&predictions)
        .assert()
        .code(1)
        .stderr(contains("1 of 2 pictures failed"));
    assert!(predictions.join(format!("{}.keypoints.png", common::stem(1, 1))).is_file());
}

#[test]
fn the_report_is_one_page_with_its_pictures_inside() {
    let out = tempfile::tempdir().unwrap();
    let page = out.path().join("page");
    facekp()
        .arg("report")
        .arg(trained().join("nose"))
        .arg("--data")
        .arg(people())
        .arg("--out")
        .arg(&page)
        .assert()
        .success();
    let html = std::fs::read_to_string(page.join("index.html")).unwrap();
    assert!(html.contains("data:image/") && html.contains("rendered faces"));
    for outside in ["src=\"http", "href=\"http", "src=\"figures"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(files(&page).iter().any(|(p, n)| p.extension().is_some_and(|e| e == "png") && *n > 0));
}

#[test]
fn preview_and_pack_make_files_that_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = dir.path().join("sheet.png");
    facekp()
        .args(["datasets", "preview", "--count", "4", "--out"])
        .arg(&sheet)
        .arg(people().join("imm_face_db"))
        .assert()
        .success();
    assert!(image::open(&sheet).unwrap().width() > 400);
    let pack = dir.path().join("imm.fkpack");
    facekp()
        .args(["datasets", "pack", "--whole", "--side", "160", "--out"])
        .arg(&pack)
        .arg(people().join("imm_face_db"))
        .assert()
        .success();
    facekp().args(["datasets", "check"]).arg(&pack).assert().success().stdout(contains("24"));
}

#[test]
fn export_writes_weights_that_measure_what_their_manifest_says() {
    let dir = tempfile::tempdir().unwrap();
    facekp()
        .arg("export")
        .arg(trained().join("nose"))
        .args(["--name", "small", "--f16", "--out"])
        .arg(dir.path())
        .arg("--data")
        .arg(people())
        .assert()
        .success();
    let manifest: toml::Table = std::fs::read_to_string(dir.path().join("manifest.toml")).unwrap().parse().unwrap();
    let noted = manifest["small"]["metrics"]["val_mean_px"].as_float().unwrap();
    let measured = json(
        facekp()
            .env("FACEKP_WEIGHTS", dir.path())
            .args(["eval", "small", "--split", "val", "--json", "-", "--data"])
            .arg(people()),
    );
    assert_eq!(measured["mean_px"].as_f64().unwrap(), noted);
}

#[test]
fn export_into_a_folder_of_weights_takes_the_recipes_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut c = facekp();
    c.arg("export").arg(trained().join("nose")).arg("--weights").arg(dir.path()).arg("--data").arg(people());
    c.assert().success();
    assert!(dir.path().join("nose.safetensors").is_file());
}

#[test]
fn the_mean_shape_is_a_baseline() {
    let s = json(facekp().args(["eval", "mean-shape", "--split", "val", "--json", "-", "--data"]).arg(people()));
    assert_eq!(s["points"], 58);
    assert!(s["mean_px"].as_f64().unwrap() > 1.0);
}

#[test]
fn an_existing_run_is_neither_lost_nor_mixed() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    train(&run, 1).assert().success();
    let before = files(&run);
    common::fails_with(&mut train(&run, 1), &["run"]);
    assert_eq!(before, files(&run));
    train(&run, 1).arg("--overwrite").assert().success();
}

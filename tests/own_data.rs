//! Users' own data, as the commands meet it: hidden points, predictions among the data, and places without a dataset.

use crate::common::{self, SMALL, facekp, fails_with, files, people, picture, synth, trained};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Twelve rendered faces with their `.pts`, all in one folder of a user's.
pub(crate) fn own(dir: &Path) -> PathBuf {
    let (from, to) = (synth(dir, "ibug68", 12), dir.join("own"));
    fs::create_dir(&to).unwrap();
    for (file, _) in files(&from) {
        if file.extension().is_some_and(|e| e != "xml") {
            fs::rename(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    to
}

pub(crate) fn output(args: &[&str], path: &Path) -> String {
    let out = facekp().args(args).arg(path).assert().success().get_output().stdout.clone();
    String::from_utf8(out).unwrap()
}

#[test]
fn predictions_in_a_dataset_are_no_samples() {
    let dir = tempfile::tempdir().unwrap();
    let own = own(dir.path());
    let photos: Vec<PathBuf> =
        files(&own).into_iter().map(|f| f.0).filter(|p| p.extension().is_some_and(|e| e == "jpg")).take(3).collect();
    let predict = |more: &[&str]| {
        facekp()
            .current_dir(&own)
            .args(["predict", "--weights"])
            .arg(trained().join("nose"))
            .args(&photos)
            .args(more)
            .assert()
            .success();
    };
    predict(&[]);
    let text = output(&["datasets", "check"], &own);
    let line = |name: &str| text.lines().find(|l| l.trim().starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("faces").ends_with(" 12") && line("predictions").ends_with(" 3 (skipped)"), "{text}");
    // Beside the pictures themselves as well.
    predict(&["--out", "."]);
    assert!(output(&["datasets", "check"], &own).contains(" 12\n"));

    // Names of before, in the folder where they went.
    for (file, _) in files(&own.join("predictions")) {
        let name = file.file_name().unwrap().to_str().unwrap().replace(".keypoints", "_keypoints");
        fs::rename(&file, file.with_file_name(name)).unwrap();
    }
    assert!(output(&["datasets", "check"], &own).contains(" 12\n"));
    let packed = dir.path().join("own.fkpack");
    facekp().args(["datasets", "pack", "--side", "64", "--out"]).arg(&packed).arg(&own).assert().success();
    assert!(output(&["datasets", "check"], &packed).contains(" 12\n"));
}

#[test]
fn overlays_beside_imm_pictures_lack_no_annotation() {
    let dir = tempfile::tempdir().unwrap();
    let folder = synth(dir.path(), "imm58", 6);
    facekp()
        .current_dir(&folder)
        .args(["predict", "--weights"])
        .arg(trained().join("nose"))
        .arg(picture())
        .args(["--out", "."])
        .assert()
        .success();
    assert!(output(&["datasets", "check"], &folder).contains("1 (skipped)"));
    let mut report = facekp();
    report.arg("report").arg(trained().join("nose")).arg("--data").arg(common::people());
    report.arg("--photos").arg(folder.join("predictions")).arg("--out").arg(dir.path().join("page"));
    fs::create_dir(folder.join("predictions")).unwrap();
    let overlay = files(&folder).into_iter().find(|f| f.0.to_str().unwrap().ends_with(".keypoints.png")).unwrap().0;
    fs::rename(&overlay, folder.join("predictions").join(overlay.file_name().unwrap())).unwrap();
    fails_with(&mut report, &["predictions: expected pictures, found none"]);
}

#[test]
fn hidden_points_leave_a_face_in_the_errors_and_its_eyes_out_of_the_nme() {
    let dir = tempfile::tempdir().unwrap();
    let own = own(dir.path());
    let eval = |name: &str| {
        let json = dir.path().join(name);
        let mut c = facekp();
        c.args(["eval", "mean-shape", "--dataset", "pts68", "--split", "all", "--data"])
            .arg(&own)
            .arg("--json")
            .arg(&json);
        let text = String::from_utf8(c.assert().success().get_output().stdout.clone()).unwrap();
        (text, serde_json::from_str::<serde_json::Value>(&fs::read_to_string(json).unwrap()).unwrap())
    };
    let (_, whole) = eval("whole.json");
    assert!(whole.get("without_nme").is_none() && whole["nme"].as_f64().unwrap() > 0.0);
    let file = files(&own).into_iter().map(|f| f.0).find(|p| p.extension().is_some_and(|e| e == "pts")).unwrap();
    // The first point of the jaw and the outer corner of an eye.
    let text = fs::read_to_string(&file).unwrap();
    let row = |(i, l): (usize, &str)| if matches!(i, 3 | 39) { "-1 -1".into() } else { l.to_owned() };
    fs::write(&file, text.lines().enumerate().map(row).collect::<Vec<_>>().join("\n")).unwrap();

    let (text, hidden) = eval("hidden.json");
    assert!(text.contains("all: NME leaves out 1 face of 12 with a hidden normalizer, NME pupil 1 face"), "{text}");
    assert_eq!((&hidden["faces"], &hidden["without_nme"]), (&12.into(), &1.into()));
    // Two points of 816 are gone, and one face of twelve is out of the NME: a box that reached to the picture's corner
    // would show in every number.
    for (key, most) in [("mean_px", 0.02), ("nme", 0.1), ("nme_pupil", 0.1)] {
        let (a, b) = (whole[key].as_f64().unwrap(), hidden[key].as_f64().unwrap());
        assert!((a - b).abs() < most * a, "{key}: {a} {b}");
    }
    let text = output(&["datasets", "check"], &own);
    assert!(text.contains("hidden points 2 in 1 face"), "{text}");
    facekp().args(["datasets", "preview", "--out"]).arg(dir.path().join("p.png")).arg(&own).assert().success();
}

#[test]
fn find_lists_what_a_folder_holds() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    synth(d, "imm58", 12);
    synth(d, "ibug68", 12);
    let list: serde_json::Value = serde_json::from_str(&output(&["datasets", "find", "--json"], d)).unwrap();
    let of = |key: &str| list.as_array().unwrap().iter().map(|e| e[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("kind"), ["ibug68", "imm58"]);
    assert_eq!(of("scheme"), ["ibug68", "imm58"]);
    assert_eq!((of("points"), of("faces")), (vec![68.into(), 58.into()], vec![12.into(), 12.into()]));
    assert_eq!(of("synthetic"), [true, true]);
    assert!(of("path")[1].as_str().unwrap().ends_with("imm_face_db"));
    assert_eq!(of("splits")[1], serde_json::json!(["train", "fit", "val", "test", "all"]));
    assert!(of("describe")[0].as_str().unwrap().starts_with("rendered faces in iBUG 300-W's format, 12 faces"));
    let lines = output(&["datasets", "find"], d);
    assert!(lines.lines().count() == 2 && lines.contains("imm_face_db: imm58, rendered faces"), "{lines}");
    fs::create_dir(d.join("empty")).unwrap();
    fails_with(facekp().args(["datasets", "find"]).arg(d.join("empty")), &["expected IMM (.asf)", "found none"]);
    // for a program, nothing is an answer
    assert_eq!(output(&["datasets", "find", "--json"], &d.join("empty")), "[]\n");
}

#[test]
fn a_check_of_something_else_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    fails_with(facekp().args(["datasets", "check"]).arg(picture()), &["found a picture, not a folder"]);
    fs::create_dir(d.join("photos")).unwrap();
    fs::copy(picture(), d.join("photos/me.jpg")).unwrap();
    let found = ["photos: expected", "found 1 picture without annotations"];
    for command in [&["datasets", "check"][..], &["eval", "mean-shape", "--data"], &["train", "nose", "--data"]] {
        fails_with(facekp().current_dir(d).args(command).arg("photos"), &found);
    }
    fails_with(facekp().current_dir(d.join("photos")).args(["datasets", "check", "."]), &["1 picture without"]);
    fs::create_dir(d.join("photos/below")).unwrap();
    fails_with(facekp().current_dir(d.join("photos/below")).args(["datasets", "check", ".."]), &["1 picture without"]);
    let list = "<dataset><images><image file='afw/a.jpg'/><image file='afw/b.jpg'/></images></dataset>";
    fs::write(d.join("photos/labels_ibug_300W_train.xml"), list).unwrap();
    let check = facekp().args(["datasets", "check"]).arg(d.join("photos")).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8(check).unwrap();
    assert!(text.contains("train.xml: expected boxes with 68 parts, got 2 pictures without boxes"), "{text}");
}

#[test]
fn nothing_is_said_twice() {
    let dir = tempfile::tempdir().unwrap();
    let twice = |command: &mut assert_cmd::Command| {
        let text = String::from_utf8(command.assert().code(1).get_output().stderr.clone()).unwrap();
        for line in text.lines().filter(|l| l.contains("os error")) {
            assert_eq!(line.matches("os error").count(), 1, "{text}");
        }
        assert!(text.contains("os error"), "{text}");
    };
    // Several pictures: each failure is a line of the log.
    let mut predict = facekp();
    predict
        .args(["predict", "--weights"])
        .arg(trained().join("nose"))
        .args(["no/one.jpg", "no/two.jpg", "--out"])
        .arg(dir.path());
    twice(&mut predict);
    let folder = common::people().join("imm_face_db");
    let mut pack = facekp();
    pack.args(["datasets", "pack", "--side", "64", "--out"]).arg(dir.path().join("no/such/a.fkpack")).arg(&folder);
    twice(&mut pack);
    let mut csv = facekp();
    csv.arg("eval").arg(trained().join("nose")).arg("--data").arg(common::people());
    twice(csv.arg("--csv").arg(dir.path().join("no/such/a.csv")));
}

#[test]
fn an_optional_source_may_be_missing_and_counts_where_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let more = |optional| {
        let more = format!("{{path=\"more\",split=\"all\",optional={optional}}}");
        format!("data.train=[{{path=\"imm_face_db\",split=\"train\"}},{more}]")
    };
    let ran = |run: &str, set: &str, data: &Path| {
        let mut c = facekp();
        c.args(["train", "nose", "--set", "train.epochs=1", "--set", set]).args(SMALL).arg("--data").arg(data);
        c.arg("--out").arg(dir.path().join(run));
        c
    };
    fails_with(&mut ran("never", &more(false), people()), &["expected a dataset called more"]);
    let out = ran("without", &more(true), people()).assert().success().get_output().clone();
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(text.contains("has no more, which is left out") && text.contains("1 epochs of 2 steps"), "{text}");
    let data = dir.path().join("data");
    common::copy(people(), &data);
    let other = synth(&dir.path().join("other"), "imm58", 20);
    common::copy(&other, &data.join("more"));
    let out = ran("with", &more(true), &data).assert().success().get_output().clone();
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(!text.contains("left out") && text.contains("1 epochs of 5 steps"), "{text}");
    let alone = "data.train=[{path=\"more\",split=\"all\",optional=true}]";
    fails_with(&mut ran("alone", alone, people()), &["data.train: expected one dataset that is not optional"]);
}

//! `facekp doctor` says what is there, what is missing, and whether `predict` would work.

use crate::common::{copy, facekp, fails_with, people, stem};
use assert_cmd::Command;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The command on the datasets in `data`; `here` has neither weights nor runs.
fn doctor(here: &Path, data: &Path) -> Command {
    let mut c = facekp();
    c.current_dir(here).arg("doctor").arg("--data").arg(data);
    c
}

fn said(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

/// The values of the lines called `name`.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim_start).collect()
}

#[test]
fn an_empty_folder_is_told_with_the_commands_that_fill_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = said(&mut doctor(dir.path(), dir.path()));
    for line in text.lines() {
        let (name, value) = line.split_at(11);
        assert!(!name.trim().is_empty() && name.ends_with(' ') && !value.starts_with(' '), "{line:?}");
    }
    assert_eq!(values(&text, "version"), [env!("CARGO_PKG_VERSION")]);
    assert_eq!(values(&text, "device")[0], "cpu");
    assert_eq!(values(&text, "dataset"), ["none"]);
    let hints = values(&text, "hint").join("\n");
    assert!(hints.contains("`facekp datasets fetch imm") && hints.contains("`facekp datasets synth"), "{hints}");
    // the weights that the sources ship are found from anywhere
    let weights = values(&text, "weights");
    for start in ["face_finder: 0.2 MB, face finder, ", "nose: 0.8 MB, 1 point (nose1), "] {
        assert!(weights.iter().any(|line| line.starts_with(start)), "{start} in {text}");
    }
    assert!(values(&text, "predict")[0].starts_with("works, with "), "{text}");
    // a folder that is not there is an empty one
    assert_eq!(values(&said(&mut doctor(dir.path(), &dir.path().join("no"))), "dataset"), ["none"]);
}

#[test]
fn data_are_listed_and_broken_ones_with_their_fault() {
    let dir = tempfile::tempdir().unwrap();
    let text = said(&mut doctor(dir.path(), people()));
    let set = people().join("imm_face_db").display().to_string();
    assert_eq!(values(&text, "dataset"), [format!("{set}: imm58, 24 faces, 58 points (imm58)")]);
    let all: Value = serde_json::from_str(&said(doctor(dir.path(), people()).arg("--json"))).unwrap();
    let found = json!({
        "path": set, "kind": "imm58", "faces": 24, "scheme": "imm58", "points": 58, "error": null
    });
    assert_eq!(all["datasets"], json!([found]));
    assert!(all["threads"].as_u64().unwrap() > 0 && all["predict"]["works"] == true, "{all}");
    let nose = all["weights"].as_array().unwrap().iter().find(|w| w["name"] == "nose").unwrap();
    assert_eq!([&nose["points"], &nose["scheme"], &nose["error"]], [&json!(1), &json!("nose1"), &Value::Null]);
    let has_mpi = all["features"].as_array().unwrap().contains(&json!("mpi"));
    assert_eq!(has_mpi, cfg!(feature = "mpi"), "{all}");

    copy(people(), dir.path());
    let broken = stem(2, 3) + ".asf";
    fs::write(dir.path().join("imm_face_db").join(&broken), "").unwrap();
    let text = said(&mut doctor(dir.path(), dir.path()));
    let line = values(&text, "dataset")[0];
    assert!(line.contains("imm58, broken: ") && line.contains(&broken), "{text}");
    assert!(values(&text, "hint").iter().any(|hint| hint.contains("`facekp datasets check ")), "{text}");
}

#[test]
fn weights_that_predict_would_fail_with_are_status_1_and_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let weights = dir.path().join("mine");
    fs::create_dir(&weights).unwrap();
    let with_mine = || {
        let mut c = doctor(dir.path(), people());
        c.env("FACEKP_WEIGHTS", &weights);
        c
    };
    // names that it does not have are looked for elsewhere
    said(&mut with_mine());
    let network = weights.join("face68.safetensors");
    fs::write(&network, "no weights at all, but longer than eight bytes").unwrap();
    let words = ["predict would fail: ", "face68.safetensors: expected a whole safetensors file, got "];
    fails_with(&mut with_mine(), &words);
    let out = with_mine().arg("--json").assert().code(1).get_output().stdout.clone();
    let all: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(all["predict"]["works"], false);
    assert!(all["predict"]["error"].as_str().unwrap().contains(words[1]), "{all}");
    let listed = all["weights"].as_array().unwrap().iter().find(|w| w["name"] == "face68").unwrap();
    assert_eq!(listed["error"], all["predict"]["error"]);

    fs::remove_file(network).unwrap();
    let nose = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/nose.safetensors");
    fs::copy(nose, weights.join("face_finder.safetensors")).unwrap();
    fails_with(&mut with_mine(), &["predict would fail: ", "face_finder.safetensors: expected a face finder"]);
}

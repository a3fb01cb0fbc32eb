//! Bad input: one line that names file, line and what was expected; status 1; no panic; nothing half-written.

use crate::common::{self, SMALL, facekp, fails_with, files, people, picture, stem, train, trained};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A copy of the rendered people, to be broken.
fn broken() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    common::copy(people(), dir.path());
    dir
}

fn edit(file: &Path, change: impl Fn(Vec<String>) -> Vec<String>) {
    let lines = fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    fs::write(file, change(lines).join("\n") + "\n").unwrap();
}

/// The 0-based line of point 30, counted in rows of numbers.
fn row(lines: &[String]) -> usize {
    let is_point =
        |l: &String| l.split_whitespace().count() >= 7 && l.split_whitespace().all(|w| w.parse::<f64>().is_ok());
    lines.iter().enumerate().filter(|(_, l)| is_point(l)).nth(30).unwrap().0
}

/// Training refuses, `datasets check` names the file too, and nothing is left behind.
fn is_refused(data: &Path, words: &[&str]) {
    let run = data.join("run");
    let mut command = facekp();
    command.args(["train", "nose"]).args(SMALL).arg("--data").arg(data).arg("--out").arg(&run);
    fails_with(&mut command, words);
    assert!(files(&run).is_empty(), "left behind: {:?}", files(&run));
    let out =
        facekp().args(["datasets", "check"]).arg(data.join("imm_face_db")).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8(out).unwrap();
    assert!(words.iter().all(|w| text.contains(w)), "{words:?} in {text}");
}

#[test]
fn broken_asf_files_are_named_with_their_line() {
    type Change = fn(Vec<String>) -> Vec<String>;
    let cases: [(&str, Change, &[&str]); 5] = [
        (
            "missing point",
            |mut l| {
                l.remove(row(&l));
                l
            },
            &["expected point 30"],
        ),
        (
            "text for a number",
            |mut l| {
                let i = row(&l);
                l[i] = l[i].replacen("0.", "x.", 1);
                l
            },
            &["number"],
        ),
        (
            "NaN",
            |mut l| {
                let i = row(&l);
                let mut w: Vec<&str> = l[i].split_whitespace().collect();
                w[2] = "NaN";
                l[i] = w.join(" ");
                l
            },
            &["NaN"],
        ),
        (
            "no host picture",
            |mut l| {
                l.iter_mut().filter(|l| l.contains(".jpg")).for_each(|l| *l = "nowhere.jpg".into());
                l
            },
            &["nowhere.jpg"],
        ),
        (
            "another count",
            |mut l| {
                l.iter_mut().filter(|l| l.trim() == "58").for_each(|l| *l = "57".into());
                l
            },
            &["58", "57"],
        ),
    ];
    for (_, change, words) in cases {
        let data = broken();
        let name = stem(2, 3);
        edit(&data.path().join("imm_face_db").join(format!("{name}.asf")), change);
        let words: Vec<&str> = [&[name.as_str()], words].concat();
        is_refused(data.path(), &words);
    }
}

#[test]
fn check_continues_to_the_end_and_lists_all() {
    let data = broken();
    let dir = data.path().join("imm_face_db");
    let [empty, no_picture, cut] = [stem(1, 1) + ".asf", stem(2, 2) + ".jpg", stem(3, 3) + ".jpg"];
    fs::write(dir.join(&empty), "").unwrap();
    fs::write(dir.join(&no_picture), "").unwrap();
    let whole = fs::read(dir.join(&cut)).unwrap();
    fs::write(dir.join(&cut), &whole[..whole.len() / 2]).unwrap();
    let out = facekp().args(["datasets", "check"]).arg(&dir).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8(out).unwrap();
    for name in [empty, no_picture, cut] {
        assert!(text.contains(&name), "{name} in {text}");
    }
}

#[test]
fn empty_and_missing_folders_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fails_with(facekp().args(["datasets", "check"]).arg(dir.path()), &["expected"]);
    fails_with(facekp().args(["datasets", "check", "no/such/folder"]), &["no/such/folder"]);
    let mut command = facekp();
    command
        .args(["predict", "--weights"])
        .arg(trained().join("nose"))
        .arg("no/such.jpg")
        .arg("--out")
        .arg(dir.path().join("out"));
    let text = String::from_utf8(command.assert().code(1).get_output().stderr.clone()).unwrap();
    assert_eq!(text.matches("No such file").count(), 1, "{text}");
    let mut command = facekp();
    command.args(["train", "nose", "--data"]).arg(dir.path()).arg("--out").arg(dir.path().join("run"));
    let help = format!("; `facekp datasets fetch imm --out {}` downloads it", dir.path().display());
    fails_with(&mut command, &["expected a dataset called imm_face_db, found none", &help]);
    let mut command = facekp();
    command.args(["eval", "face68", "--data"]).arg(dir.path());
    fails_with(&mut command, &["expected a dataset called ibug_300W", "`facekp datasets fetch ibug --out "]);
    let mut command = facekp();
    command.args(["report", "no/such-run", "--out"]).arg(dir.path().join("page"));
    fails_with(&mut command, &["no/such-run: expected a run folder with recipe.toml, found none"]);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn broken_pictures_are_refused_by_predict() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(picture()).unwrap();
    let cases: [(&str, &[u8]); 3] = [("cut.jpg", &whole[..100]), ("empty.jpg", &[]), ("text.png", b"no picture")];
    for (name, bytes) in cases {
        let picture = dir.path().join(name);
        fs::write(&picture, bytes).unwrap();
        let out = dir.path().join("out");
        fails_with(
            facekp().args(["predict", "--weights"]).arg(trained().join("nose")).arg(&picture).arg("--out").arg(&out),
            &[name],
        );
        assert!(files(&out).is_empty(), "{name}: {:?}", files(&out));
    }
    let mut command = facekp();
    command.args(["predict", "--weights"]).arg(trained().join("nose")).arg(picture()).arg("--out").arg(dir.path());
    fails_with(command.args(["--box", "9000,9000,10,10"]), &["box"]);
}

#[test]
fn wrong_recipes_are_named_with_their_line() {
    let dir = tempfile::tempdir().unwrap();
    let text = include_str!("../crates/train/recipes/nose.toml");
    let line = |key: &str| text.lines().position(|l| l.starts_with(key)).unwrap() + 1;
    let cases = [
        ("a typo", "epochs =", "epoch =", "epoch"),
        ("a wrong type", "batch =", "batch = \"many\" #", "got string \"many\", expected a whole number"),
        ("an impossible value", "batch =", "batch = 0 #", "batch"),
    ];
    for (_, from, to, word) in cases {
        let file = dir.path().join("wrong.toml");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let run = dir.path().join("run");
        let mut command = facekp();
        command.arg("train").arg(&file).arg("--data").arg(people()).arg("--out").arg(&run);
        fails_with(&mut command, &[&format!("wrong.toml:{}", line(from)), word]);
        assert!(files(&run).is_empty());
    }
    fails_with(facekp().args(["train", "no-such-recipe"]), &["no-such-recipe", "nose"]);
    fails_with(train(&dir.path().join("run"), 1).args(["--set", "train.epocs=2"]), &["epocs"]);
}

#[test]
fn broken_and_foreign_weights_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let best = trained().join("nose/best.safetensors");
    let bytes = fs::read(&best).unwrap();
    let picture = picture();
    let refused = |file: &PathBuf, words: &[&str]| {
        let out = dir.path().join("out");
        fails_with(facekp().args(["predict", "--weights"]).arg(file).arg(&picture).arg("--out").arg(&out), words);
        assert!(files(&out).is_empty());
    };
    for keep in [0, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        let file = dir.path().join("cut.safetensors");
        fs::write(&file, &bytes[..keep]).unwrap();
        refused(&file, &["cut.safetensors"]);
    }
    let text = dir.path().join("text.safetensors");
    fs::write(&text, "no weights at all, but longer than eight bytes").unwrap();
    refused(&text, &["text.safetensors"]);
    // Weights of another task: evaluated on data of other points.
    let ibug = common::synth(dir.path(), "ibug68", 12);
    fails_with(
        facekp().arg("eval").arg(&best).arg("--data").arg(ibug).args(["--split", "val"]),
        &["expected points of the scheme nose1, got ibug68"],
    );
    fails_with(facekp().args(["predict", "--weights", "no-such-weights"]).arg(&picture), &["no-such-weights"]);
}

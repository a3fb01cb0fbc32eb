//! Bad lists, points and packs of the 68-point datasets, as the commands meet them.

use crate::common::{facekp, fails_with, files, synth};
use std::{fs, path::Path};

const LIST: &str = "labels_ibug_300W_train.xml";

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// Both commands that read everything refuse and name the same.
fn is_refused(data: &Path, words: &[&str]) {
    let folder = data.join("ibug_300W");
    let mut eval = facekp();
    eval.args(["eval", "mean-shape", "--dataset", "ibug68", "--split", "val", "--data"]).arg(&folder);
    fails_with(&mut eval, words);
    let run = data.join("run");
    let mut train = facekp();
    train.args(["train", "ibug68_heatmap_128", "--device", "cpu", "--data"]).arg(&folder).arg("--out").arg(&run);
    fails_with(&mut train, words);
    assert!(files(&run).is_empty());
    let check = facekp().args(["datasets", "check"]).arg(&folder).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8(check).unwrap();
    assert!(words.iter().all(|w| text.contains(w)), "{words:?} in {text}");
}

#[test]
fn broken_lists_are_named_with_their_line() {
    let whole = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(synth(whole.path(), "ibug68", 12).join(LIST)).unwrap();
    // Of the first face: lines 7 to 10 hold its picture, its box and its first parts.
    let line = |n: usize| text.lines().nth(n - 1).unwrap().trim().to_owned();
    let [picture, frame, first] = [line(7), line(8), line(9)];
    let file = picture.split('\'').nth(1).unwrap().to_owned();
    let bomb = "<!DOCTYPE d [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<dataset>";
    let number = |s: &str, key: &str, new: &str| {
        let (before, rest) = s.split_once(&format!("{key}='")).unwrap();
        format!("{before}{key}='{new}'{}", rest.split_once('\'').unwrap().1)
    };
    let cases = [
        ("</images>", String::new(), "well-formed XML"),
        ("<dataset>", bomb.into(), "without a DTD"),
        (first.as_str(), first.replace("'00'", "'01'"), "part 01 again"),
        (&first, String::new(), "none called 00"),
        (&first, number(&first, "x", "NaN"), ":9: expected a number for x"),
        (&first, number(&first, "x", "1e9"), ":9: expected part 00 near its box"),
        (&frame, number(&frame, "width", "0"), ":8: expected a box with an area"),
        (&frame, number(&frame, "left", "9000"), ":8: expected a box within"),
        (&file, format!("../{file}"), ":7: expected a picture within the list's folder"),
        (&file, "afw/nowhere.jpg".into(), "afw/nowhere.jpg"),
    ];
    for (from, to, expected) in cases {
        fs::write(whole.path().join("ibug_300W").join(LIST), text.replacen(from, &to, 1)).unwrap();
        is_refused(whole.path(), &[LIST, expected]);
    }
}

#[test]
fn broken_points_and_missing_pictures_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = synth(dir.path(), "ibug68", 12);
    let face = fs::read_dir(folder.join("helen/trainset"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|x| x == "pts"))
        .unwrap();
    let text = fs::read_to_string(&face).unwrap();
    let name = face.file_name().unwrap().to_str().unwrap();
    let row = text.lines().nth(3).unwrap();
    let cases = [
        (text.replacen(row, "1 nan", 1), ":4"),
        (text.replacen(row, "99999 1", 1), "near its picture"),
        (text.replacen(&format!("{row}\n"), "", 1), "68 points"),
        (String::new(), "empty"),
    ];
    for (broken, expected) in cases {
        fs::write(&face, broken).unwrap();
        is_refused(dir.path(), &[name, expected]);
    }
}

#[test]
fn a_corrupt_pack_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = synth(dir.path(), "ibug68", 12);
    let pack = dir.path().join("faces.fkpack");
    facekp().args(["datasets", "pack", "--side", "64", "--out"]).arg(&pack).arg(&folder).assert().success();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = dir.path().join("bad.fkpack");
    for broken in [&bytes[..], &bytes[..middle], &[]] {
        fs::write(&bad, broken).unwrap();
        let mut eval = facekp();
        eval.args(["eval", "mean-shape", "--dataset", "ibug68", "--data"]).arg(&bad);
        fails_with(&mut eval, &["bad.fkpack"]);
    }
    replace(&folder.join(LIST), "<dataset>", "<dataset");
    let mut packing = facekp();
    packing.args(["datasets", "pack", "--out"]).arg(dir.path().join("none.fkpack")).arg(&folder);
    fails_with(&mut packing, &[LIST]);
    assert!(!dir.path().join("none.fkpack").exists());
}

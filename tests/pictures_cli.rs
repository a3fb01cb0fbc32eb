//! Pictures that cost too much, are not whole, or are turned: what every command says of them.

use crate::common::{self, SMALL, facekp, fails_with, people, picture, stem, trained};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rendered picture with another size in its frame header.
fn bomb() -> Vec<u8> {
    let mut bytes = fs::read(picture()).unwrap();
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].fill(0xff);
    bytes
}

/// The rendered picture, held by the camera as `orientation` says: an EXIF segment with one entry (0x0112, SHORT).
fn turned(orientation: u8) -> Vec<u8> {
    let bytes = fs::read(picture()).unwrap();
    let exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    [&bytes[..2], exif, &[orientation, 0, 0, 0, 0, 0, 0, 0], &bytes[2..]].concat()
}

fn cut(part: f64, end: &[u8]) -> Vec<u8> {
    let bytes = fs::read(picture()).unwrap();
    [&bytes[..(bytes.len() as f64 * part) as usize], end].concat()
}

/// stdout and stderr of a command that ends with `status`.
fn said(command: &mut assert_cmd::Command, status: i32) -> (String, String) {
    let out = command.assert().code(status).get_output().clone();
    (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

fn predict(out: &Path) -> assert_cmd::Command {
    let mut c = facekp();
    c.args(["predict", "--weights"]).arg(trained().join("nose")).arg("--out").arg(out);
    c
}

/// Six whole pictures and six broken in six ways, in 1.5 GB of address space (one heap, so that threads do not count).
#[cfg(unix)]
#[test]
fn broken_pictures_cost_a_line_each_and_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let scan = |b: &[u8]| b.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
    let whole = fs::read(picture()).unwrap();
    let broken: [(&str, Vec<u8>); 5] = [
        ("bomb.jpg", bomb()),
        ("empty.jpg", Vec::new()),
        ("text.jpg", b"no picture".to_vec()),
        ("header.jpg", whole[..scan(&whole)].to_vec()),
        ("half.png", {
            let mut png = std::io::Cursor::new(Vec::new());
            image::open(picture()).unwrap().write_to(&mut png, image::ImageFormat::Png).unwrap();
            let png = png.into_inner();
            png[..png.len() / 2].to_vec()
        }),
    ];
    let mut files = Vec::new();
    for i in 0..6 {
        files.push(people().join("imm_face_db").join(stem(1, i + 1) + ".jpg"));
        if let Some((name, bytes)) = broken.get(i) {
            fs::write(dir.path().join(name), bytes).unwrap();
            files.push(dir.path().join(name));
        }
    }
    files.push(dir.path().join("missing.jpg"));
    let mut command = assert_cmd::Command::new("bash");
    command.args(["-c", "ulimit -v 1500000; exec \"$0\" \"$@\""]);
    command.arg(facekp().get_program()).args(["predict", "--weights"]).arg(trained().join("nose")).args(&files);
    command.arg("--out").arg(dir.path().join("out")).args(["--json", "-", "--device", "cpu"]);
    command.env("MALLOC_ARENA_MAX", "1").env("RAYON_NUM_THREADS", "2").env_remove("FACEKP_LOG");
    let (json, log) = said(&mut command, 1);
    let entries: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let failed: Vec<&str> = entries.iter().filter_map(|e| e["error"].as_str()).collect();
    assert_eq!((entries.len(), failed.len()), (12, 6), "{json}");
    for name in ["bomb.jpg", "empty.jpg", "text.jpg", "header.jpg", "half.png", "missing.jpg"] {
        assert_eq!(log.lines().filter(|l| l.contains(name)).count(), 1, "{name} in {log}");
    }
    let expected =
        "bomb.jpg: expected a picture of 268435456 pixels at most (--max-pixels), got 65535x65535 = 4294836225";
    assert!(failed[0].ends_with(expected), "{}", failed[0]);
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 12);
}

/// The rendered pictures have more than 1000 pixels.
#[test]
fn every_command_that_decodes_keeps_to_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let limit = ["--max-pixels", "1000"];
    let words = [".jpg: expected a picture of 1000 pixels at most (--max-pixels), got "];
    let data = people().join("imm_face_db");
    let refused = |command: &mut assert_cmd::Command| fails_with(command.args(limit), &words);
    refused(facekp().args(["train", "nose"]).args(SMALL).arg("--data").arg(people()).arg("--out").arg(&out));
    refused(facekp().arg("eval").arg(trained().join("nose")).arg("--data").arg(people()));
    let mut export = facekp();
    export.arg("export").arg(trained().join("nose")).args(["--name", "n", "--data"]).arg(people());
    refused(export.arg("--out").arg(&out));
    refused(facekp().args(["datasets", "preview"]).arg(&data).arg("--out").arg(dir.path().join("p.png")));
    refused(facekp().args(["datasets", "pack"]).arg(&data).arg("--out").arg(dir.path().join("p.fkpack")));
    refused(predict(&out).arg(picture()));
    let (text, _) = said(facekp().args(["datasets", "check"]).arg(&data).args(limit), 1);
    assert_eq!(text.matches(words[0]).count(), 24, "{text}");
    // More is allowed where it is asked for, and nonsense is wrong usage.
    predict(&out).arg(picture()).args(["--max-pixels", "1000000000"]).assert().success();
    said(predict(&out).arg(picture()).args(["--max-pixels", "0"]), 2);
}

#[test]
fn the_report_continues_after_a_broken_photo_and_knows_all_spellings() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.Jpg"), bomb()).unwrap();
    for name in ["b.jpe", "c.JFIF"] {
        fs::copy(picture(), photos.join(name)).unwrap();
    }
    let mut command = facekp();
    command
        .arg("report")
        .arg(trained().join("nose"))
        .arg("--data")
        .arg(people())
        .arg("--out")
        .arg(dir.path().join("page"));
    let (_, log) = said(command.arg("--photos").arg(&photos), 0);
    assert_eq!(log.lines().filter(|l| l.contains("a.Jpg: expected a picture of 268435456 pixels at most")).count(), 1);
    let page = fs::read_to_string(dir.path().join("page/index.html")).unwrap();
    assert!(page.contains("Cannot be shown: ") && page.contains("b.jpe") && page.contains("c.JFIF"));
}

#[test]
fn a_photo_with_missing_blocks_gives_a_warning_and_a_result() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(picture()).unwrap();
    let cases: [(&str, Vec<u8>, bool); 4] = [
        ("half_eoi", cut(0.55, &[0xff, 0xd9]), true),
        ("half", cut(0.55, &[]), true),
        ("noeoi", whole[..whole.len() - 2].to_vec(), false),
        ("whole", whole.clone(), false),
    ];
    for (name, bytes, warns) in cases {
        let photo = dir.path().join(format!("{name}.jpg"));
        fs::write(&photo, bytes).unwrap();
        let out = dir.path().join("out");
        let (_, log) = said(predict(&out).arg(&photo), 0);
        let lines =
            log.lines().filter(|l| l.contains("expected a whole picture, got one cut short: its data end after "));
        assert_eq!(lines.count(), usize::from(warns), "{name}: {log}");
        assert!(out.join(format!("{name}.keypoints.pts")).is_file());
    }
}

/// The same bytes as data: what lacks blocks is refused, what lacks the end marker alone is not.
#[test]
fn data_with_missing_blocks_are_refused_by_check_and_training() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("imm_face_db");
    common::copy(people(), dir.path());
    let name = stem(1, 1) + ".jpg";
    fs::write(data.join(&name), cut(1.0, &[]).split_last_chunk::<2>().unwrap().0).unwrap();
    facekp().args(["datasets", "check"]).arg(&data).assert().success();
    fs::write(data.join(&name), cut(0.55, &[0xff, 0xd9])).unwrap();
    let (text, _) = said(facekp().args(["datasets", "check"]).arg(&data), 1);
    let line = format!(
        "{name}: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got one cut short: its data end after "
    );
    assert_eq!(text.matches(&line).count(), 1, "{text}");
    let mut train = facekp();
    train.args(["train", "nose"]).args(SMALL).arg("--data").arg(dir.path()).arg("--out").arg(dir.path().join("run"));
    fails_with(train.args(["--set", "train.epochs=1"]), &[&line]);
}

/// The `.pts` of a turned photo, put next to it, is in other pixels than the file's: JSON, log and `check` say so.
#[test]
fn turned_photos_are_told_apart_from_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let size = image::image_dimensions(picture()).unwrap();
    let photo = dir.path().join("photo.jpg");
    fs::write(&photo, turned(6)).unwrap();
    let (json, log) = said(predict(&dir.path().join("out")).arg(&photo).args(["--json", "-"]), 0);
    let entries: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(entries[0]["orientation"], 6);
    assert_eq!((&entries[0]["width"], &entries[0]["height"]), (&size.1.into(), &size.0.into()));
    assert!(log.contains("turned upright, EXIF orientation 6: points are in the "), "{log}");

    // Twelve such pictures with 68 points each.
    let folder = tempfile::tempdir().unwrap();
    let points = common::synth(folder.path(), "ibug68", 12);
    let mut all = Vec::new();
    collect(&points, &mut all);
    for file in all.iter().filter(|f| f.extension().is_some_and(|e| e == "pts")).take(12) {
        let jpeg = fs::read(file.with_extension("jpg")).unwrap();
        let exif = turned(8);
        let segment = &exif[2..38];
        fs::write(file.with_extension("jpg"), [&jpeg[..2], segment, &jpeg[2..]].concat()).unwrap();
    }
    let (text, _) = said(facekp().args(["datasets", "check"]).arg(&points), 0);
    assert_eq!(text.matches("EXIF orientation 8, which is not followed").count(), 10, "{text}");
    assert!(text.contains("  warning: 2 more of these") && text.contains("  broken: none"), "{text}");
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

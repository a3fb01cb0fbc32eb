//! Files that end anywhere, that are not ours, and that another process has.

#![allow(clippy::unwrap_used)]
use super::*;
use facekp_eval::FaceResult;
use proptest::prelude::*;

/// An entry with one face of one point, or with an error.
fn entry(file: &str, error: Option<&str>) -> PictureResult {
    let face = FaceResult {
        face: [1.5, 2.0, 30.0, 40.25],
        score: None,
        roll: -3.5,
        points: vec![(1.0 / 3.0, 2.0, Some(0.5))],
        sigma: Some(vec![0.75]),
        pts: format!("out/{file}.pts"),
        doubt: None,
    };
    let faces = if error.is_none() { vec![face] } else { Vec::new() };
    PictureResult { faces, error: error.map(str::to_owned), ..PictureResult::failed(Path::new(file), String::new()) }
}

fn text(entries: &[PictureResult]) -> String {
    entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
}

fn settings() -> Settings {
    serde_json::from_str(r#"{"--faces": "all"}"#).unwrap()
}

/// Continues `file` and writes what it lacks of `entries`.
fn finish(file: &Path, entries: &[PictureResult]) -> Result<()> {
    let (mut lines, mut done) = Lines::resume(file, &settings(), 1)?;
    let lacking: Vec<_> = entries.iter().filter(|entry| !done.take(Path::new(&entry.file))).cloned().collect();
    assert_eq!(done.left(), 0);
    lines.add(&lacking)
}

fn refused(file: &Path) -> String {
    let before = fs::read(file).unwrap();
    let error = Lines::resume(file, &settings(), 1).err().unwrap().to_string();
    assert_eq!(fs::read(file).unwrap(), before, "what is refused stays as it is");
    error
}

/// As a process that is killed while it writes leaves it, whatever came to the disk.
#[test]
fn a_file_that_ends_at_any_byte_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl");
    let entries = [entry("a.jpg", None), entry("é \"\n.jpg", Some("no picture")), entry("c.jpg", None)];
    let whole = text(&entries);
    assert!(whole.starts_with(std::str::from_utf8(START).unwrap()));
    settings().write(&file).unwrap();
    for end in 0..=whole.len() {
        fs::write(&file, &whole.as_bytes()[..end]).unwrap();
        let (lines, done) = Lines::resume(&file, &settings(), 1).unwrap();
        let kept = whole.as_bytes()[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        assert_eq!(fs::read(&file).unwrap(), whole.as_bytes()[..kept], "ends at byte {end}");
        assert_eq!(done.left(), whole[..kept].lines().count());
        drop(lines);
        finish(&file, &entries).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), whole, "ends at byte {end}");
    }
    // after a loss of power a part may have a length and no contents, or a line's end without its beginning
    for tail in [&[0; 300][..], b"{\"file\":\"d.jpg\",\0\0\0\n"] {
        fs::write(&file, [whole.as_bytes(), tail].concat()).unwrap();
        finish(&file, &entries).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_picture_has_one_line_whatever_its_name_and_wherever_it_ended(
        names in prop::collection::vec(".{0,12}", 1..6),
        part in 0.0..1.0f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("all.jsonl");
        // a name may be there twice
        let entries: Vec<_> = names.iter().chain(&names[..1]).map(|name| entry(name, None)).collect();
        let whole = text(&entries);
        settings().write(&file).unwrap();
        fs::write(&file, &whole.as_bytes()[..(whole.len() as f64 * part) as usize]).unwrap();
        finish(&file, &entries).unwrap();
        prop_assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    }
}

#[test]
fn a_line_that_is_none_is_named_and_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl");
    let line = text(&[entry("a.jpg", None)]);
    let expected = ": expected the entry of a picture, a line of JSON, got ";
    let torn = &line[..40];
    for (text, number) in [
        (format!("{line}{torn}\n{line}"), 2),
        (format!("{torn}\n{line}"), 1),
        (format!("{line}\n{line}"), 2),
        (format!("{line}\n"), 2),
        ("notes of somebody\n".to_owned(), 1),
        ("notes".to_owned(), 1),
        (format!("{line}[]"), 2),
    ] {
        fs::write(&file, &text).unwrap();
        let error = refused(&file);
        assert!(error.contains(&format!("all.jsonl:{number}{expected}")), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn lines_of_something_else_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl");
    let mut other = entry("b.jpg", None);
    other.faces[0].points.push((1.0, 1.0, None));
    fs::write(&file, text(&[entry("a.jpg", None), other])).unwrap();
    assert!(refused(&file).contains("all.jsonl:2: expected faces of 1 points, got one of 2"));
    fs::write(&file, text(&[entry("a.jpg", None)])).unwrap();
    let before: Settings = serde_json::from_str(r#"{"--faces": "1"}"#).unwrap();
    before.write(&file).unwrap();
    assert!(refused(&file).contains("expected what its lines were made with, got --faces: 1 then, all now; "));
    // of no line nothing was made, and who begins anew may do as he likes
    fs::write(&file, "").unwrap();
    finish(&file, &[entry("a.jpg", None)]).unwrap();
    assert_eq!(Settings::read(&file).unwrap(), Some(settings()));
    before.write(&file).unwrap();
    drop(Lines::begin(&file).unwrap());
    assert!(fs::read(&file).unwrap().is_empty() && !Settings::beside(&file).exists());
}

#[test]
fn one_writes_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new/all.jsonl");
    let entries = [entry("a.jpg", None)];
    let (mut lines, _) = Lines::resume(&file, &settings(), 1).unwrap();
    lines.add(&entries).unwrap();
    for second in [Lines::begin(&file).err(), Lines::resume(&file, &settings(), 1).err()] {
        assert!(second.unwrap().to_string().contains("all.jsonl: another process is writing to it: "));
    }
    drop(lines);
    assert_eq!(fs::read_to_string(&file).unwrap(), text(&entries));
    Lines::begin(&file).unwrap();
}

#[test]
fn a_stream_is_not_continued() {
    for stream in ["-", if cfg!(unix) { "/dev/null" } else { "-" }] {
        let error = Lines::resume(Path::new(stream), &settings(), 1).err().unwrap();
        assert!(error.is::<Usage>() && error.to_string().contains("--resume: expected --jsonl with a file"));
    }
}

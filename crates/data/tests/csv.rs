//! Tables of points: what is read, who validates, and that everything broken names its file, its line and what was
//! expected.

use crate::common::{fact, ids, picture, points};
use candle_vision_helpers::{Point, Rect};
use facekp_data::{
    Split, check,
    datasets::{csv, find, pts_folder},
    open_dataset, open_kind,
    scheme::{IBUG_68, IMM_58, NOSE_1},
};
use std::{fs, path::Path};

fn header(before: &str, count: usize) -> String {
    before.to_owned() + &(0..count).map(|i| format!(",x{i},y{i}")).collect::<String>() + "\n"
}

/// A row with the points of `points(count)`; those of `hidden` have empty cells.
fn row(before: &str, count: usize, hidden: &[usize]) -> String {
    let cell = |(i, p): (usize, Point)| if hidden.contains(&i) { ",,".into() } else { format!(",{},{}", p.x, p.y) };
    before.to_owned() + &points(count).into_iter().enumerate().map(cell).collect::<String>() + "\n"
}

fn table(dir: &Path, text: &str) {
    for name in ["a.jpg", "sub/b.png"] {
        picture(&dir.join(name));
    }
    fs::write(dir.join("points.csv"), text).unwrap();
}

#[test]
fn a_table_is_recognised_by_its_header_and_read_with_its_hidden_points() {
    let dir = tempfile::tempdir().unwrap();
    let d = &dir.path().join("own");
    let rows = row("sub/b.png", 68, &[]) + &row("a.jpg", 68, &[0, 36]) + &row("a.jpg", 68, &[]);
    table(d, &("\u{feff}".to_owned() + &header("file", 68) + &rows));
    fs::write(d.join("history.csv"), "epoch,train_loss\n1,2\n").unwrap();
    let found = find(d).unwrap();
    assert_eq!((found.len(), found[0].kind), (1, csv::KIND));
    let data = open_dataset(dir.path(), Some("own"), &IBUG_68).unwrap();
    assert_eq!(ids(&*data), ["a", "a#2", "sub/b"]);
    let face = data.get(0).unwrap();
    let hidden: Vec<_> = (0..68).filter(|&i| !face.points.visible()[i]).collect();
    assert_eq!((hidden, face.face), (vec![0, 36], Rect::new(20.0, 10.0, 21.0, 24.0)));
    assert_eq!(face.points.points()[67], Point::new(29.0, 34.0), "pixels as they stand");
    assert_eq!(data.get(2).unwrap().subset.as_deref(), Some("sub"));
    assert_eq!((fact(d, "faces").unwrap(), fact(d, "hidden points").unwrap()), ("3".into(), "2 in 1 face".into()));

    table(d, &(header("file", 58) + &row("a.jpg", 58, &[])));
    assert_eq!(open_kind(d, csv::KIND).unwrap().scheme(), &*IMM_58, "by the number of points");
    let nose = open_dataset(d, None, &NOSE_1).unwrap();
    assert_eq!(nose.annotation(0).unwrap().points.points(), [points(58)[52]], "the tip is one of the 58");
    table(d, "name,x0,y0\n");
    assert!(find(d).is_err());
    assert!(open_kind(d, pts_folder::KIND).is_err());
}

#[test]
fn no_one_both_trains_and_validates() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let text: String = (0..30).map(|i| row(&format!("{i:02}.png,{}", i / 2 % 12), 68, &[])).collect();
    (0..30).for_each(|i| picture(&d.join(format!("{i:02}.png"))));
    table(d, &(header("file,subject", 68) + &text));
    let data = open_kind(d, csv::KIND).unwrap();
    // People 0 and 10 of twelve; the first has two more pictures, as the 24th and 25th.
    assert_eq!(data.split(Split::Val).unwrap(), [0, 1, 20, 21, 24, 25]);
    assert_eq!(data.split(Split::Fit).unwrap().len(), 24);
    assert_eq!(data.get(3).unwrap().subject.as_deref(), Some("1"));
    let error = data.split(Split::Full).unwrap_err().to_string();
    assert!(error.contains("expected a split of a table of points (train, fit, val, all), got full"), "{error}");
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let good = row("a.jpg", 68, &[]);
    let cases = [
        (header("file", 5), 1, "expected x and y of 58 or 68 or 1 points, got 5"),
        (header("file", 68).replace("x3", "z3"), 1, "expected the column x3, got \"z3\""),
        (header("file", 68).replace(",y67", ""), 1, "expected the column y67, got \"the end of the line\""),
        (header("file", 68) + &good + &row("c.jpg", 68, &[]), 3, "expected a picture that is there, got \"c.jpg\""),
        (header("file", 68) + &row("../a.jpg", 68, &[]), 2, "expected a picture"),
        (header("file", 68) + &good + &good.replacen("20", "2o", 1), 3, "expected a number for x0, got \"2o\""),
        (header("file", 68) + &good.replacen(",20,", ",,", 1), 2, "expected a number for x0, got \"\""),
        (header("file", 68) + &good.replacen(",20", "", 1), 2, "expected 137 cells, got 136"),
        (header("file", 68) + &good.replacen(",20,", ",99999,", 1), 2, "expected point 0 near its picture"),
        (header("file", 68) + &row("a.jpg", 68, &(0..68).collect::<Vec<_>>()), 2, "expected points that span a face"),
    ];
    for (text, line, expected) in cases {
        table(dir.path(), &text);
        let error = open_kind(dir.path(), csv::KIND).err().unwrap().to_string();
        assert!(error.contains(&format!("points.csv:{line}: {expected}")) && error.lines().count() == 1, "{error}");
        let checked = match check(dir.path()) {
            Ok(report) => report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Err(e) => vec![e.to_string()],
        };
        assert_eq!(checked, [error]);
    }
}

//! Tables of points: what is read, who validates, and that everything broken names its file, its line and what was
//! expected.

use crate::common::{fact, ids, picture, points};
use candle_vision_helpers::{Point, Rect};
use facekp_data::{
    Split, check,
    datasets::{csv, csv_pixels, find, pts_folder},
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
fn boxes_names_and_no_header_at_all_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    let boxed = header("file,left,top,width,height,subject", 58) + &row("a.jpg,1,2,3,4,anna", 58, &[5]);
    table(dir.path(), &boxed);
    let data = open_kind(dir.path(), csv::KIND).unwrap();
    let face = data.annotation(0).unwrap();
    assert_eq!((face.subject.as_deref(), face.points.visible()[5]), (Some("anna"), false));
    assert_eq!(face.face, Rect::new(20.0, 10.0, 21.0, 21.0), "the points' own");

    table(dir.path(), &(row("a.jpg", 68, &[0]) + &row("\"sub/b.png\"", 68, &[])));
    let data = open_kind(dir.path(), csv::KIND).unwrap();
    assert_eq!((ids(&*data), data.scheme().len()), (vec!["a".to_owned(), "sub/b".to_owned()], 68));

    let named = "file,tip_x,tip_y,root_x,root_y\na.jpg,20,10,30.5,12\n";
    table(dir.path(), named);
    let data = open_kind(dir.path(), csv::KIND).unwrap();
    assert_eq!(data.scheme().point_names(), ["tip", "root"]);
    assert_eq!(data.annotation(0).unwrap().points.points()[1], Point::new(30.5, 12.0));
    for (text, expected) in [
        (named.replace("root_y", "root"), "points.csv:1: expected the column root_y, got \"root\""),
        (named.replace("root_x", "x1"), "points.csv:1: expected the column NAME_x, got \"x1\""),
        (named.replace("tip_y", "root_y"), "points.csv:1: expected the column tip_y"),
        (named.replace("root", "tip"), "expected every name once, got \"tip\" again"),
    ] {
        table(dir.path(), &text);
        let error = open_kind(dir.path(), csv::KIND).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
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
    assert!(
        error.contains("expected a split of a table of points (train, fit, val, all, or test with test.txt), got full"),
        "{error}"
    );
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let good = row("a.jpg", 68, &[]);
    let cases = [
        (header("file", 68).replace("x3", "z3"), 1, "expected the column x3, got \"z3\""),
        (header("file", 68).replace(",y67", ""), 1, "expected the column y67, got \"the end of the line\""),
        (header("file", 68) + &good + &row("c.jpg", 68, &[]), 3, "expected a picture that is there, got \"c.jpg\""),
        (header("file", 68) + &row("../a.jpg", 68, &[]), 2, "expected a picture"),
        (
            (header("file", 68) + &good + "\n\n" + &row("c.jpg", 68, &[])).replace('\n', "\r\n"),
            5,
            "expected a picture that is there, got \"c.jpg\"",
        ),
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

/// Points that nobody has described are checked all the same.
#[test]
fn any_number_of_points_can_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let text = header("file", 10) + &row("a.jpg", 10, &[]);
    table(dir.path(), &text);
    let error = open_kind(dir.path(), csv::KIND).err().unwrap().to_string();
    assert!(error.contains("points.csv:1: expected x and y of 58 or 68 or 1 points, got 10"), "{error}");
    assert_eq!(fact(dir.path(), "points").unwrap(), "10 each");
    assert!(fact(dir.path(), "meaning").unwrap().contains("facekp init"));
    table(dir.path(), &(text + &row("c.jpg", 10, &[])));
    assert_eq!(check(dir.path()).unwrap().problems.len(), 1);
    fs::write(dir.path().join("scheme.toml"), "name = \"paw\"\npoints = 4\n").unwrap();
    assert!(check(dir.path()).unwrap_err().to_string().contains("x and y of 4 points, got 10"));
}

/// As the set of 15 points has it: names, empty cells, the picture last; here 4 x 4 pixels and three points.
#[test]
fn pictures_may_stand_in_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let pixels: String = (0..16).map(|i| format!("{} ", 10 * i)).collect();
    let good = format!(
        "eye_x,eye_y,nose_x,nose_y,mouth_x,mouth_y,Image\n1,0.5,2,2,,,{}\n\n0,1,2,2,3,3,{}\n",
        pixels.trim(),
        pixels.trim()
    );
    let write = |text: &str| fs::write(d.join("training.csv"), text).unwrap();
    write(&good);
    let data = open_kind(d, csv_pixels::KIND).unwrap();
    assert_eq!(
        (ids(&*data), data.scheme().point_names()),
        (vec!["training/00002".to_owned(), "training/00004".into()], &["eye", "nose", "mouth"].map(String::from)[..])
    );
    let face = data.get(0).unwrap();
    assert_eq!((face.image.dimensions(), face.image.get_pixel(3, 2).0), ((4, 4), [110; 3]));
    assert_eq!((face.points.points()[0], face.points.visible()[2]), (Point::new(1.0, 0.5), false));
    assert_eq!(fact(d, "faces").unwrap(), "2");
    // pictures are told apart, so that one of two validates
    assert_eq!((data.split(Split::Val).unwrap(), data.split(Split::Fit).unwrap()), (vec![0], vec![1]));
    for (text, expected) in [
        (good.replacen(" 150", "", 1), "training.csv:2: expected the pixels of a square, at most 1024 a side, got 15"),
        (good.replacen(" 150", " 256", 1), "training.csv:2: expected pixels from 0 to 255, got \"256\""),
        (good.replacen("1,0.5", "0.5", 1), "training.csv:2: expected 7 cells, got 6"),
        (good.replacen("1,0.5", "1,", 1), "training.csv:2: expected a number for eye_y, got \"\""),
        (good.replacen("nose_y", "nose", 1), "training.csv:1: expected the columns NAME_x,NAME_y"),
        (good.replacen(",nose_y", "", 1), "training.csv:1: expected the columns NAME_x,NAME_y"),
    ] {
        write(&text);
        let error = open_kind(d, csv_pixels::KIND).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

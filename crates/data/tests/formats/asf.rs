//! `.asf`

use super::says;
use candle_vision_helpers::{Point, Size};
use facekp_data::{Result, formats::asf};
use proptest::prelude::*;
use std::path::Path;

const SEVEN: &str = include_str!("three_7_columns.asf");
const TEN: &str = include_str!("three_10_columns.asf");

fn parse(text: &str) -> Result<asf::Asf> {
    asf::parse(Path::new("f.asf"), text, 3)
}

#[test]
fn both_layouts_say_the_same() {
    let (seven, ten) = (parse(SEVEN).unwrap(), parse(TEN).unwrap());
    assert_eq!(seven.relative, ten.relative);
    assert_eq!(seven.picture, "face.jpg");
    assert_eq!(seven.lines, [8, 9, 10]);
    // x * width - 0.5 and y * height - 0.5, by hand.
    let by_hand = [Point::new(159.5, 239.5), Point::new(319.5, 359.5), Point::new(479.5, 119.5)];
    assert_eq!(seven.absolute(Size::new(640, 480)), by_hand);
}

#[test]
fn what_is_broken_is_named() {
    let without = |n: usize| {
        SEVEN.lines().enumerate().filter(|(i, _)| i + 1 != n).map(|(_, l)| format!("{l}\n")).collect::<String>()
    };
    let cases = [
        (String::new(), "f.asf: expected the number of points, got an empty file"),
        (SEVEN.replace("\n3\n", "\n4\n"), "f.asf:5: expected 3 points, got 4"),
        (
            SEVEN.replace("\n3\n", "\nthree\n"),
            "f.asf:5: expected a whole number for the number of points, got \"three\"",
        ),
        (without(9), "f.asf:9: expected point 1, got point 2"),
        (without(10), "f.asf:12: expected 3 points, got 2"),
        (without(13), "expected the name of the picture, got the end of the file after 3 points"),
        (
            SEVEN.lines().take(9).map(|l| format!("{l}\n")).collect(),
            "f.asf:9: expected 3 points, got the end of the file after 2",
        ),
        (SEVEN.replace("0.75", "abc"), "f.asf:9: expected a number for y, got \"abc\""),
        (SEVEN.replace("0.75", "NaN"), "f.asf:9: expected a number for y, got \"NaN\""),
        (SEVEN.replace("0.75", "inf"), "f.asf:9: expected a number for y"),
        (SEVEN.replace("0.75", "360"), "f.asf:9: expected coordinates relative to the picture"),
        (SEVEN.replace("0\t4\t0.5", "0\t4\t"), "f.asf:9: expected 7 or 10 columns for point 1, got 6"),
        (SEVEN.replace("\t1\t0\t2\n", "\t0\t0\t2\n"), "f.asf:9: expected point 1, got point 0"),
        (
            SEVEN.replace("face.jpg", "0 4 0.1 0.1 3 2 3\nface.jpg"),
            "f.asf:13: expected the name of a JPEG, PNG, WebP, BMP, GIF or TIFF picture after 3 points, got a surplus point",
        ),
        (
            SEVEN.replace("face.jpg", "face.heic"),
            "f.asf:13: expected the name of a JPEG, PNG, WebP, BMP, GIF or TIFF picture",
        ),
        (SEVEN.replace("face.jpg", "../face.jpg"), "f.asf:13: expected a picture in the same folder"),
        (format!("{SEVEN}more.jpg\n"), "f.asf:14: expected the end of the file"),
    ];
    for (text, expected) in cases {
        says(&parse(&text).expect_err(expected), expected);
    }
}

#[test]
fn what_is_written_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (path, size) = (folder.path().join("f.asf"), Size::new(640, 480));
    let points: Vec<_> = (0..58).map(|i| Point::new(f64::from(i) * 7.3 + 0.25, 400.0 - f64::from(i) * 5.1)).collect();
    asf::write(&path, "f.jpg", size, &points).unwrap();
    let read = asf::read(&path, 58).unwrap();
    for (a, b) in read.absolute(size).iter().zip(&points) {
        assert!(a.distance(*b) < 1e-5);
    }
    // The paths are those of the database: the first eye closes, the jaw does not.
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Vec<&str>> =
        text.lines().map(|l| l.split('\t').collect()).filter(|r: &Vec<_>| r.len() == 7).collect();
    assert_eq!((rows[0][0], rows[0][1], rows[0][5], rows[0][6]), ("0", "4", "0", "1"));
    assert_eq!((rows[12][5], rows[12][6]), ("11", "12"));
    assert_eq!((rows[13][0], rows[13][1], rows[13][5], rows[13][6]), ("1", "0", "20", "14"));
    assert_eq!((rows[20][5], rows[20][6]), ("19", "13"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
}

#[test]
fn nothing_is_left_where_writing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("f.asf");
    assert!(asf::write(&path, "f.jpg", Size::new(4, 4), &[]).is_err());
    // The name is taken by a folder: the neighbour was written, and has to go again.
    std::fs::create_dir_all(folder.path().join("taken.asf/x")).unwrap();
    assert!(asf::write(&folder.path().join("taken.asf"), "f.jpg", Size::new(4, 4), &[]).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}", cut in 0usize..400, put in "[0-9a-z#\\n\\t. ]{0,6}") {
        parse(&text).ok();
        let at = SEVEN.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(SEVEN.len());
        parse(&SEVEN[..at]).ok();
        parse(&format!("{}{put}{}", &SEVEN[..at], &SEVEN[at..])).ok();
    }
}

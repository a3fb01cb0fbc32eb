//! `.pts`

use super::says;
use candle_vision_helpers::Point;
use facekp_data::{
    Result,
    formats::{Shape, pts},
};
use proptest::prelude::*;
use std::path::Path;

const WHOLE: &str = "version: 1\nn_points:  3\n{\n1.000 1.000\n 10.5\t20.25 \n-3 7\n}\n";

fn parse(text: &str) -> Result<Shape> {
    pts::parse(Path::new("f.pts"), text, 3)
}

#[test]
fn it_counts_from_one_with_and_without_header() {
    // Each coordinate less 1, by hand; a point somewhat outside its picture is legal.
    let by_hand = [Point::new(0.0, 0.0), Point::new(9.5, 19.25), Point::new(-4.0, 6.0)];
    assert_eq!(parse(WHOLE).unwrap().points, by_hand);
    assert_eq!(parse(WHOLE).unwrap().lines, [4, 5, 6]);
    assert_eq!(parse("1 1\n10.5 20.25\n-3 7").unwrap().points, by_hand);
    assert_eq!(parse(&WHOLE.replace('\n', "\r\n")).unwrap().points, by_hand);
}

#[test]
fn what_is_broken_is_named() {
    let cases = [
        ("".to_owned(), "f.pts: expected 3 points, got an empty file"),
        (WHOLE.replace("3\n{", "68\n{"), "f.pts:2: expected 3 points, got 68"),
        (WHOLE.replace("3\n{", "x\n{"), "f.pts:2: expected a whole number for n_points, got \"x\""),
        (WHOLE.replace("-3 7\n", ""), "f.pts:6: expected 3 points, got 2"),
        (WHOLE.replace("-3 7", "-3 7\n4 4"), "f.pts:7: expected 3 points, got a surplus point"),
        (WHOLE.replace("-3 7", "-3"), "f.pts:6: expected x and y of point 2, got \"-3\""),
        (WHOLE.replace("-3 7", "-3 7 9"), "f.pts:6: expected x and y of point 2"),
        (WHOLE.replace("20.25", "abc"), "f.pts:5: expected a number for y, got \"abc\""),
        (WHOLE.replace("20.25", "nan"), "f.pts:5: expected a number for y, got \"nan\""),
        (
            WHOLE.replace("-3 7\n}\n", "-3 7\n"),
            "f.pts:6: expected 3 points and }, got the end of the file after 3 points",
        ),
        (WHOLE.replace("{\n", ""), "f.pts:3: expected { before the points"),
        (WHOLE.replace("version", "vision"), "f.pts:1: expected version, n_points or {"),
        (format!("{WHOLE}1 1\n"), "f.pts:8: expected the end of the file after }"),
        ("1 1\n2 2\n".into(), "f.pts:2: expected 3 points, got 2"),
    ];
    for (text, expected) in cases {
        says(&parse(&text).expect_err(expected), expected);
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(points in prop::collection::vec((-500.0..5000.0, -500.0..5000.0), 3)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.pts");
        let points: Vec<_> = points.into_iter().map(|(x, y)| Point::new(x, y)).collect();
        pts::write(&path, &points).unwrap();
        for (a, b) in pts::read(&path, 3).unwrap().points.iter().zip(&points) {
            // Three decimals.
            prop_assert!((a.x - b.x).abs() <= 0.000_500_1 && (a.y - b.y).abs() <= 0.000_500_1);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}", rows in "([0-9}{. :\\n]|n_points){0,60}") {
        parse(&text).ok();
        parse(&rows).ok();
    }
}

//! Summaries of faces judged by hand.

use super::*;

fn judged(score: f64, side: f64, verdict: Verdict) -> Judged {
    Judged { score, side, verdict }
}

/// Five annotated faces: of 40 and 30 px found (the latter twice), of 20 px found below the default score, of 12 px
/// found, of 70 px missed; something of 20 px that is no face.
fn summary() -> FinderSummary {
    let found = [
        judged(0.9, 33.0, Verdict::Hit { truth: 40.0 }),
        judged(0.8, 20.0, Verdict::Nothing),
        judged(0.7, 29.0, Verdict::Hit { truth: 30.0 }),
        judged(0.65, 17.0, Verdict::Hit { truth: 12.0 }),
        judged(0.6, 35.0, Verdict::Again { truth: 30.0 }),
        judged(0.4, 21.0, Verdict::Hit { truth: 20.0 }),
    ];
    FinderSummary::of(&[40.0, 30.0, 20.0, 12.0, 70.0], &found)
}

#[test]
fn every_face_is_counted_in_its_size() {
    let s = summary();
    assert_eq!((s.faces, s.found, s.false_alarms), (5, 3, 2));
    let counts: Vec<[usize; 3]> = s.by_size.iter().map(|p| [p.faces, p.found, p.false_alarms]).collect();
    // below 8, from 8, 16, 24, 32, 64 and 128 on; false alarms by their own size
    assert_eq!(counts, [[0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 0]]);
    assert_eq!((s.by_size[2].recall, s.by_size[2].precision), (Some(0.0), Some(0.0)));
    assert_eq!((s.by_size[5].recall, s.by_size[5].precision), (Some(0.0), None));
    assert_eq!((s.by_size[0].recall, s.by_size[4].precision), (None, Some(0.5)));
}

#[test]
fn from_a_least_size_on_smaller_faces_are_ignored() {
    let s = summary();
    let counts: Vec<[usize; 3]> = s.at_least.iter().map(|p| [p.faces, p.found, p.false_alarms]).collect();
    // from 16, 24, 32 and 64 px on: who is ignored for being small is so again, what is no face is wrong at any size
    assert_eq!(counts, [[4, 2, 2], [3, 2, 2], [2, 1, 1], [1, 0, 1]]);
    let areas: Vec<Option<f64>> = s.average_precision.values().copied().collect();
    // from 16 px on: hit, false, hit, again, hit of four; precision 1, 2/3, 3/5
    let want = [0.25 + 0.25 * 2.0 / 3.0 + 0.25 * 0.6, (1.0 + 2.0 / 3.0) / 3.0, 0.5, 0.0];
    for (area, want) in areas.iter().zip(want) {
        assert!(area.is_some_and(|a| (a - want).abs() < 1e-12), "{areas:?}");
    }
    let none = FinderSummary::of(&[20.0], &[]);
    assert_eq!(none.average_precision.values().copied().collect::<Vec<_>>(), [Some(0.0), None, None, None]);
    assert!(none.curve_svg().is_err(), "nothing was found: nothing to draw");
}

#[test]
fn tables_and_curve_say_what_was_counted() {
    let s = summary();
    let rows = s.size_table().rows;
    assert_eq!(rows[4], ["32 to 64 px", "1", "1", "1.000", "1", "0.500"]);
    assert_eq!(rows.last().map(|r| r.join(" ")), Some("all 5 3 0.600 2 0.600".into()));
    let limits = s.limit_table();
    assert_eq!(limits.rows[0], ["16 px and more", "4", "2", "0.500", "2", "0.500", "0.567"]);
    assert!(limits.rows.iter().all(|r| r.len() == limits.head.len()));
    let (_, series) = s.plot();
    assert_eq!(series.len(), 4);
    assert_eq!(series[0].name, "16+: 0.567");
    assert_eq!(series[0].points.first(), Some(&(0.0, 1.0)));
    assert_eq!(series[0].points[series[0].points.len() - 2..], [(0.75, 0.0), (1.0, 0.0)]);
}

#[test]
fn bounds_go_back_to_original_pixels() {
    // a picture of half the size: its first pixel's center lies between the first two of the original
    let half = Affine::new([0.5, 0.0, -0.25, 0.0, 0.5, -0.25]).unwrap_or(Affine::IDENTITY);
    assert_eq!(before(&half, Rect::new(-0.5, 1.5, 10.0, 20.0)), Rect::new(-0.5, 3.5, 20.0, 40.0));
}

//! Precision and recall as the least score falls, and the area under that curve.

use super::matching::{Judged, Verdict};

/// How well a finder does if faces with this score and above are reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The least score.
    pub score: f64,
    /// Part of the annotated faces that are hit.
    pub recall: f64,
    /// Part of the reported faces that hit one.
    pub precision: f64,
}

/// The curve for annotated faces of `least` pixels and more, of which there are `faces`; a point for each score, from
/// the greatest on. Smaller annotated faces are ignored: they are not missed, and who finds them gives no false alarm.
pub(super) fn curve(judged: &[Judged], least: f64, faces: usize) -> Vec<CurvePoint> {
    let ignored = |j: &&Judged| match j.verdict {
        Verdict::Hit { truth } | Verdict::Again { truth } => truth < least,
        Verdict::Nothing => false,
    };
    let mut counted: Vec<&Judged> = judged.iter().filter(|j| !ignored(j)).collect();
    counted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut hits, mut reported, mut points) = (0usize, 0usize, Vec::new());
    // no score stands between equal ones
    for equal in counted.chunk_by(|a, b| a.score == b.score) {
        reported += equal.len();
        hits += equal.iter().filter(|j| matches!(j.verdict, Verdict::Hit { .. })).count();
        if let Some(first) = equal.first().filter(|_| faces > 0) {
            let (recall, precision) = (hits as f64 / faces as f64, hits as f64 / reported as f64);
            points.push(CurvePoint { score: first.score, recall, precision });
        }
    }
    points
}

/// The area under a curve whose precision at each recall is the greatest at that recall or more (PASCAL VOC from 2010
/// on, as in WIDER FACE's protocol); beyond the last recall it is 0.
pub(super) fn average_precision(curve: &[CurvePoint]) -> f64 {
    let (mut area, mut best) = (0.0, 0f64);
    for (i, point) in curve.iter().enumerate().rev() {
        best = best.max(point.precision);
        let before = i.checked_sub(1).map_or(0.0, |j| curve[j].recall);
        area += (point.recall - before) * best;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(score: f64, verdict: Verdict) -> Judged {
        Judged { score, side: 20.0, verdict }
    }

    const LARGE: Verdict = Verdict::Hit { truth: 40.0 };
    const SMALL: Verdict = Verdict::Hit { truth: 10.0 };

    /// Six found faces, two large faces and one small one hit among three large and two small ones.
    fn six() -> Vec<Judged> {
        vec![
            judged(0.9, LARGE),
            judged(0.5, LARGE),
            judged(0.8, Verdict::Nothing),
            judged(0.7, SMALL),
            judged(0.6, Verdict::Again { truth: 40.0 }),
            judged(0.4, Verdict::Again { truth: 10.0 }),
        ]
    }

    #[test]
    fn a_curve_and_its_area_by_hand() {
        // all five faces: hit, false, hit, again, hit, again
        let all = curve(&six(), 0.0, 5);
        let numbers: Vec<(f64, f64)> = all.iter().map(|p| (p.recall, p.precision)).collect();
        let want = [(0.2, 1.0), (0.2, 0.5), (0.4, 2.0 / 3.0), (0.4, 0.5), (0.6, 0.6), (0.6, 0.5)];
        assert_eq!(numbers, want);
        // 0.2 of the recall at precision 1, 0.2 at 2/3, 0.2 at 3/5, 0.4 never reached
        assert!((average_precision(&all) - (0.2 + 0.4 / 3.0 + 0.12)).abs() < 1e-12);
        assert_eq!(average_precision(&[]), 0.0);
    }

    #[test]
    fn precision_that_rises_again_counts_for_the_recall_before() {
        // by hand: false, hit, hit of two faces; the precision 1/2 of the first hit is lifted to the 2/3 after it
        let found = [judged(0.9, Verdict::Nothing), judged(0.8, LARGE), judged(0.7, LARGE)];
        assert!((average_precision(&curve(&found, 0.0, 2)) - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn small_faces_are_neither_missed_nor_false_alarms() {
        // three large faces: hit, false, again, hit
        let large = curve(&six(), 32.0, 3);
        let numbers: Vec<(f64, f64)> = large.iter().map(|p| (p.score, p.precision)).collect();
        assert_eq!(numbers, [(0.9, 1.0), (0.8, 0.5), (0.6, 1.0 / 3.0), (0.5, 0.5)]);
        assert_eq!(large.last().map(|p| p.recall), Some(2.0 / 3.0));
        assert!((average_precision(&large) - (1.0 / 3.0 + 0.5 / 3.0)).abs() < 1e-12);
        assert_eq!(curve(&six(), 64.0, 0), [], "no such face: no curve");
    }

    #[test]
    fn equal_scores_are_reported_together() {
        let found = [judged(0.9, LARGE), judged(0.9, Verdict::Nothing)];
        let points = curve(&found, 0.0, 1);
        assert_eq!(points, [CurvePoint { score: 0.9, recall: 1.0, precision: 0.5 }]);
    }
}

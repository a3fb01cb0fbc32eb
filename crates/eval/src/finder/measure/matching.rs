//! Which found face is which annotated one, as WIDER FACE's protocol has it.

use super::LEAST_OVERLAP;
use candle_vision_helpers::Rect;

/// Side of a face as it is counted by size: the root of its box's area, in pixels of the photo.
pub(super) fn side(bounds: Rect) -> f64 {
    (bounds.width * bounds.height).sqrt()
}

/// A face that the finder reported in a photo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub bounds: Rect,
    pub score: f64,
}

/// What a found face turned out to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The first of an annotated face of this side.
    Hit { truth: f64 },
    /// Another one of an annotated face of this side that a surer one has hit.
    Again { truth: f64 },
    /// It shares too little with any annotated face.
    Nothing,
}

/// A found face, judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judged {
    pub score: f64,
    /// Side of the found face.
    pub side: f64,
    pub verdict: Verdict,
}

/// Judges the faces found in one photo, the surest first: each goes to the annotated face that it overlaps most, if it
/// shares half of the union with it. An annotated face is hit once.
pub(super) fn judge(truth: &[Rect], mut found: Vec<Candidate>) -> Vec<Judged> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut taken = vec![false; truth.len()];
    let judge = |face: Candidate| {
        let overlaps = truth.iter().map(|t| t.overlap(face.bounds)).enumerate();
        let nearest = overlaps.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, overlap)| *overlap >= LEAST_OVERLAP);
        let verdict = match nearest {
            None => Verdict::Nothing,
            Some((i, _)) => {
                let truth = side(truth[i]);
                if std::mem::replace(&mut taken[i], true) { Verdict::Again { truth } } else { Verdict::Hit { truth } }
            }
        };
        Judged { score: face.score, side: side(face.bounds), verdict }
    };
    found.into_iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(x: f64, side: f64, score: f64) -> Candidate {
        Candidate { bounds: Rect::new(x, 0.0, side, side), score }
    }

    #[test]
    fn a_face_is_hit_once_by_the_surest_and_only_where_half_is_shared() {
        let truth = [Rect::new(0.0, 0.0, 30.0, 30.0), Rect::new(100.0, 0.0, 9.0, 16.0)];
        // shifted by 10 of 30, two squares share 20/40 of their union; by 11, 19/41
        let judged = judge(&truth, vec![found(5.0, 30.0, 0.5), found(10.0, 30.0, 0.9), found(-11.0, 30.0, 0.8)]);
        let verdicts: Vec<Verdict> = judged.iter().map(|j| j.verdict).collect();
        assert_eq!(verdicts, [Verdict::Hit { truth: 30.0 }, Verdict::Nothing, Verdict::Again { truth: 30.0 }]);
        assert_eq!(judged.iter().map(|j| j.score).collect::<Vec<_>>(), [0.9, 0.8, 0.5]);
        let judged = judge(&truth, vec![Candidate { bounds: Rect::new(100.0, 0.0, 8.0, 18.0), score: 0.4 }]);
        // 9 times 16 has the area of a square of 12
        assert_eq!(judged, [Judged { score: 0.4, side: 12.0, verdict: Verdict::Hit { truth: 12.0 } }]);
        assert_eq!(judge(&[], vec![found(0.0, 9.0, 0.4)])[0].verdict, Verdict::Nothing);
    }
}

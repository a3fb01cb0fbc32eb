//! One face of the many that lie on each other.

use super::FoundFace;
use candle_vision_helpers::Rect;

/// Boxes that share more than this part of their union are of one face.
const SAME: f64 = 0.45;

/// The best of each group of overlapping faces, best first; of equal scores the first.
pub(super) fn suppress(mut faces: Vec<FoundFace>) -> Vec<FoundFace> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FoundFace> = Vec::new();
    for face in faces {
        if kept.iter().all(|k| overlap(k.bounds, face.bounds) <= SAME) {
            kept.push(face);
        }
    }
    kept
}

/// Intersection over union; 0 where there is no area.
pub(crate) fn overlap(a: Rect, b: Rect) -> f64 {
    let along = |p: f64, d: f64, q: f64, e: f64| ((p + d).min(q + e) - p.max(q)).max(0.0);
    let both = along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height);
    let union = a.width * a.height + b.width * b.height - both;
    if union > 0.0 { both / union } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_vision_helpers::Point;

    fn face(x: f64, score: f32) -> FoundFace {
        let bounds = Rect::new(x, 0.0, 10.0, 10.0);
        FoundFace { bounds, upright: bounds, score, landmarks: [Point::default(); 5], roll: 0.0 }
    }

    #[test]
    fn the_best_of_each_group_stays() {
        // next to each other: 9/11 shared; five apart: 1/3
        let kept = suppress(vec![face(0.0, 0.6), face(1.0, 0.9), face(6.0, 0.7), face(40.0, 0.8), face(41.0, 0.8)]);
        let places: Vec<f64> = kept.iter().map(|f| f.bounds.x).collect();
        assert_eq!(places, [1.0, 40.0, 6.0]);
        assert_eq!(suppress(Vec::new()), []);
    }

    #[test]
    fn overlaps_by_hand() {
        let a = Rect::new(0.0, 0.0, 2.0, 2.0);
        assert_eq!(overlap(a, a), 1.0);
        assert_eq!(overlap(a, Rect::new(1.0, 0.0, 2.0, 2.0)), 1.0 / 3.0);
        assert_eq!(overlap(a, Rect::new(2.0, 0.0, 2.0, 2.0)), 0.0);
        let none = Rect::new(0.0, 0.0, 0.0, 0.0);
        assert_eq!(overlap(none, none), 0.0);
    }
}

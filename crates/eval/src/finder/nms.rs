//! One face of the many that lie on each other.

use super::FoundFace;

/// Boxes that share more than this part of their union are of one face.
const SAME: f64 = 0.45;

/// The best of each group of overlapping faces, best first; of equal scores the first.
pub(super) fn suppress(mut faces: Vec<FoundFace>) -> Vec<FoundFace> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FoundFace> = Vec::new();
    for face in faces {
        if kept.iter().all(|k| k.bounds.overlap(face.bounds) <= SAME) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_vision_helpers::{Point, Rect};

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
}

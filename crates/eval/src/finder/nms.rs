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

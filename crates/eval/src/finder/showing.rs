//! Which of some found faces annotated points belong to.

use super::FoundFace;
use candle_vision_helpers::{Point, Rect};

/// Of the points, this part lies on their face: a face that shows fewer is another one, or they are no points of faces.
const LEAST: f64 = 0.75;
/// Ears, chins and turned faces reach beyond the bounds that a finder gives: these many times their sides count.
const REACH: f64 = 1.25;

/// The found face that shows most of some points, all of the face or few of it; among equals the one whose bounds are
/// most like theirs. `None` where none shows nearly all of them.
pub fn showing<'a>(faces: &'a [FoundFace], points: &[Point]) -> Option<&'a FoundFace> {
    let tight = Rect::around(points)?;
    let shown = |face: &FoundFace| {
        let (b, c) = (face.bounds, face.bounds.center());
        let (across, down) = (b.width * REACH / 2.0, b.height * REACH / 2.0);
        let on = |p: &&Point| (p.x - c.x).abs() <= across && (p.y - c.y).abs() <= down;
        (points.iter().filter(on).count() as f64 / points.len() as f64, b.overlap(tight))
    };
    let rated = faces.iter().map(|face| (shown(face), face)).filter(|((share, _), _)| *share >= LEAST);
    rated.max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))).map(|(_, face)| face)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f64, y: f64, side: f64) -> FoundFace {
        let bounds = Rect::new(x, y, side, side);
        FoundFace { bounds, score: 1.0, landmarks: [bounds.center(); 5], roll: 0.0, upright: bounds }
    }

    #[test]
    fn few_points_of_a_face_belong_to_it_and_those_of_a_body_do_not() {
        let faces = [face(0.0, 0.0, 100.0), face(80.0, 0.0, 100.0), face(300.0, 0.0, 40.0)];
        let at = |points: &[(f64, f64)]| {
            let points: Vec<_> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
            showing(&faces, &points).map(|f| f.bounds.x)
        };
        // an eye, a single point, and one between two faces
        assert_eq!(at(&[(110.0, 40.0), (118.0, 36.0), (126.0, 40.0)]), Some(80.0));
        assert_eq!(at(&[(310.0, 20.0)]), Some(300.0));
        assert_eq!(at(&[(85.0, 40.0), (95.0, 40.0), (20.0, 40.0)]), Some(0.0));
        // a body below its head, points beside all faces, none at all
        assert_eq!(at(&[(320.0, 20.0), (320.0, 80.0), (300.0, 120.0), (340.0, 120.0)]), None);
        assert_eq!(at(&[(240.0, 20.0), (250.0, 20.0)]), None);
        assert_eq!(at(&[]), None);
    }
}

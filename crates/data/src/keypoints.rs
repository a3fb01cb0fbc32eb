//! Keypoints of one face: one position for every point of a scheme.

use crate::scheme::Scheme;
use candle_vision_helpers::{Affine, Point};
use std::sync::Arc;

/// Positions in some picture's pixels, with the scheme that gives them meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Keypoints {
    scheme: Arc<Scheme>,
    points: Vec<Point>,
    visible: Vec<bool>,
}

impl Keypoints {
    /// All points visible; `None` when their number is not the scheme's or one is not finite.
    pub fn new(scheme: &Arc<Scheme>, points: Vec<Point>) -> Option<Self> {
        let ok = points.len() == scheme.len() && points.iter().all(|p| p.is_finite());
        ok.then(|| Self { scheme: Arc::clone(scheme), visible: vec![true; points.len()], points })
    }

    /// Points of which nothing is known, all hidden.
    pub fn hidden(scheme: &Arc<Scheme>) -> Self {
        Self {
            scheme: Arc::clone(scheme),
            points: vec![Point::default(); scheme.len()],
            visible: vec![false; scheme.len()],
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }

    /// The positions, in the scheme's order.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Which points are annotated and count in losses and errors.
    pub fn visible(&self) -> &[bool] {
        &self.visible
    }

    /// The positions of the annotated points.
    pub fn annotated(&self) -> impl Iterator<Item = Point> + '_ {
        self.points.iter().zip(&self.visible).filter(|(_, v)| **v).map(|(p, _)| *p)
    }

    /// Marks point `i` as not annotated.
    pub fn hide(&mut self, i: usize) {
        if let Some(v) = self.visible.get_mut(i) {
            *v = false;
        }
    }

    /// Moved by `map`.
    pub fn transformed(&self, map: &Affine) -> Self {
        Self { points: self.points.iter().map(|&p| map.apply(p)).collect(), ..self.clone() }
    }

    /// Renamed as in a mirror: point `i` takes the place of its partner. Positions are not moved.
    pub fn flipped_names(&self) -> Self {
        let mut renamed = self.clone();
        for (i, (&point, &visible)) in self.points.iter().zip(&self.visible).enumerate() {
            // What has no mirror image keeps its names; training refuses to mirror it.
            let to = self.scheme.mirror().and_then(|m| m.get(i)).copied().unwrap_or(i);
            renamed.points[to] = point;
            renamed.visible[to] = visible;
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{scheme::NOSE_1, testing::PAIR};

    #[test]
    fn the_number_of_points_is_the_schemes() {
        assert!(Keypoints::new(&NOSE_1, vec![Point::new(1.0, 2.0)]).is_some());
        assert!(Keypoints::new(&NOSE_1, vec![]).is_none());
        assert!(Keypoints::new(&NOSE_1, vec![Point::new(f64::NAN, 2.0)]).is_none());
    }

    #[test]
    fn names_swap_with_their_visibility_and_back() {
        let mut points = Keypoints::new(&PAIR, [1.0, 2.0, 3.0].map(|v| Point::new(v, -v)).to_vec()).unwrap();
        points.hide(0);
        points.hide(17);
        let flipped = points.flipped_names();
        assert_eq!(flipped.points()[0], points.points()[1]);
        assert_eq!(flipped.points()[2], points.points()[2]);
        assert_eq!(flipped.visible(), [true, false, true]);
        assert_eq!(flipped.flipped_names(), points);
    }

    #[test]
    fn transforms_move_every_point_and_keep_what_is_hidden() {
        let mut points = Keypoints::new(&NOSE_1, vec![Point::new(1.0, 2.0)]).unwrap();
        points.hide(0);
        let moved = points.transformed(&Affine::translation(10.0, 20.0));
        assert_eq!((moved.points()[0], moved.visible()[0]), (Point::new(11.0, 22.0), false));
    }
}

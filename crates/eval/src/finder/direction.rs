//! Which way up a face is: its roll by the five points, and pictures turned by quarters.

use super::FoundFace;
use candle_vision_helpers::{Point, Rect, Size};
use image::{RgbImage, imageops};

/// The five points of an upright face from straight ahead, about their mean: the template that face recognition aligns
/// faces by (Deng and others: ArcFace, 2019), in pixels of a view of 112.
const UPRIGHT: [[f64; 2]; 5] =
    [[-17.732, -20.204], [17.506, -20.399], [-0.001, -0.163], [-14.477, 20.466], [14.704, 20.304]];

/// How far a face is turned, in degrees within -180..180, clockwise on the screen: the turn that takes the upright
/// template nearest to its points (least squares).
pub(super) fn roll(landmarks: &[Point; 5]) -> f64 {
    let mean = Point::mean(landmarks.iter().copied()).unwrap_or_default();
    let (mut along, mut across) = (0.0, 0.0);
    for (p, [x, y]) in landmarks.iter().zip(UPRIGHT) {
        let (dx, dy) = (p.x - mean.x, p.y - mean.y);
        along += x * dx + y * dy;
        across += x * dy - y * dx;
    }
    across.atan2(along).to_degrees()
}

/// A turn of a picture by a multiple of 90°, clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    Right,
    Half,
    Left,
}

impl Turn {
    pub(super) fn picture(self, picture: &RgbImage) -> RgbImage {
        match self {
            Self::None => picture.clone(),
            Self::Right => imageops::rotate90(picture),
            Self::Half => imageops::rotate180(picture),
            Self::Left => imageops::rotate270(picture),
        }
    }

    /// Where a point of the turned picture was before; `size` is the picture's before.
    fn point_before(self, p: Point, size: Size) -> Point {
        let (right, bottom) = (size.width as f64 - 1.0, size.height as f64 - 1.0);
        match self {
            Self::None => p,
            Self::Right => Point::new(p.y, bottom - p.x),
            Self::Half => Point::new(right - p.x, bottom - p.y),
            Self::Left => Point::new(right - p.y, p.x),
        }
    }

    /// A face of the turned picture as it was before.
    pub(super) fn before(self, face: &FoundFace, size: Size) -> FoundFace {
        let b = face.bounds;
        let corners = [Point::new(b.x, b.y), Point::new(b.x + b.width, b.y + b.height)];
        let bounds = Rect::around(&corners.map(|p| self.point_before(p, size))).unwrap_or(b);
        let landmarks = face.landmarks.map(|p| self.point_before(p, size));
        let c = bounds.center();
        let upright = Rect::new(c.x - b.width / 2.0, c.y - b.height / 2.0, b.width, b.height);
        FoundFace { bounds, upright, landmarks, roll: roll(&landmarks), score: face.score }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_vision_helpers::Affine;
    use image::Rgb;

    fn upright() -> [Point; 5] {
        UPRIGHT.map(|[x, y]| Point::new(x + 50.0, y + 60.0))
    }

    #[test]
    fn the_roll_is_the_angle_that_a_face_was_turned_by() {
        for degrees in [-179.0, -90.0, -30.0, 0.0, 5.0, 60.0, 90.0, 135.0, 180.0] {
            let map = Affine::rotation_scale(Point::new(7.0, 3.0), f64::to_radians(degrees), 2.5).unwrap();
            let off = (roll(&upright().map(|p| map.apply(p))) - degrees).rem_euclid(360.0);
            assert!(off.min(360.0 - off) < 1e-2, "{degrees}: off by {off}");
        }
    }

    #[test]
    fn a_point_goes_back_to_the_pixel_that_it_was() {
        let (w, h) = (5, 3);
        let picture = RgbImage::from_fn(w, h, |x, y| Rgb([x as u8, y as u8, 0]));
        for turn in [Turn::None, Turn::Right, Turn::Half, Turn::Left] {
            for (x, y, pixel) in turn.picture(&picture).enumerate_pixels() {
                let p = turn.point_before(Point::new(x.into(), y.into()), Size::new(w as usize, h as usize));
                assert_eq!((p.x, p.y), (f64::from(pixel[0]), f64::from(pixel[1])), "{turn:?}");
            }
        }
    }

    #[test]
    fn a_face_in_a_turned_picture_is_turned_the_other_way_before() {
        let landmarks = upright();
        let bounds = Rect::new(20.0, 30.0, 60.0, 70.0);
        let face = FoundFace { bounds, upright: bounds, score: 0.9, landmarks, roll: roll(&landmarks) };
        for (turn, degrees) in [(Turn::Right, -90.0), (Turn::Left, 90.0)] {
            let before = turn.before(&face, Size::new(200, 100));
            assert!((before.roll - degrees).abs() < 1e-2, "{turn:?}: {}", before.roll);
            assert_eq!((before.bounds.width, before.bounds.height), (70.0, 60.0));
            assert_eq!((before.upright.width, before.upright.height), (60.0, 70.0));
            assert!(before.landmarks.iter().all(|p| p.x > before.bounds.x && p.x < before.bounds.x + 70.0));
        }
        assert!((Turn::Half.before(&face, Size::new(200, 100)).roll.abs() - 180.0).abs() < 1e-2);
    }
}

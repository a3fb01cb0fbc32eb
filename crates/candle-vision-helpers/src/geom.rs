//! Points, rectangles and sizes, in pixels; the center of the first pixel is `(0, 0)`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

/// A position in pixels: `x` to the right, `y` down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Pixels to the right of the first pixel's center.
    pub x: f64,
    /// Pixels below the first pixel's center.
    pub y: f64,
}

impl Point {
    /// A point from its coordinates.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Euclidean distance to `other`.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The mean of `points`, or `None` when there are none.
    pub fn mean<I: IntoIterator<Item = Self>>(points: I) -> Option<Self> {
        let (mut x, mut y, mut n) = (0.0, 0.0, 0usize);
        for p in points {
            x += p.x;
            y += p.y;
            n += 1;
        }
        (n > 0).then(|| Self::new(x / n as f64, y / n as f64))
    }

    /// Whether both coordinates are finite numbers.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

/// Width and height in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl Size {
    /// A size from its sides.
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    /// The size of a picture.
    pub fn of(picture: &RgbImage) -> Self {
        Self::new(picture.width() as usize, picture.height() as usize)
    }

    /// The area that a picture of this size covers: from `(-0.5, -0.5)`, since pixel centers are whole numbers.
    pub fn area(self) -> Rect {
        Rect { x: -0.5, y: -0.5, width: self.width as f64, height: self.height as f64 }
    }
}

/// An upright rectangle of continuous pixel coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Position of the left edge, in pixels.
    pub x: f64,
    /// Position of the top edge, in pixels.
    pub y: f64,
    /// Extent to the right, in pixels.
    pub width: f64,
    /// Extent downwards, in pixels.
    pub height: f64,
}

impl Rect {
    /// A rectangle from its top left corner and its sides.
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// The smallest rectangle that holds `points`, or `None` when there are none.
    pub fn around<'a, I: IntoIterator<Item = &'a Point>>(points: I) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let (mut x0, mut y0, mut x1, mut y1) = (first.x, first.y, first.x, first.y);
        for p in points {
            x0 = x0.min(p.x);
            y0 = y0.min(p.y);
            x1 = x1.max(p.x);
            y1 = y1.max(p.y);
        }
        Some(Self::new(x0, y0, x1 - x0, y1 - y0))
    }

    /// The rectangle's center.
    pub fn center(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The square about the same center whose side is the longer side times `factor`.
    pub fn square(self, factor: f64) -> Self {
        let side = self.width.max(self.height) * factor;
        let c = self.center();
        Self::new(c.x - side / 2.0, c.y - side / 2.0, side, side)
    }

    /// Whether a point lies in the rectangle or on its border.
    pub fn contains(self, p: Point) -> bool {
        (self.x..=self.x + self.width).contains(&p.x) && (self.y..=self.y + self.height).contains(&p.y)
    }

    /// The area that lies in both rectangles, in square pixels.
    pub fn shared_area(self, other: Self) -> f64 {
        let along = |p: f64, d: f64, q: f64, e: f64| ((p + d).min(q + e) - p.max(q)).max(0.0);
        along(self.x, self.width, other.x, other.width) * along(self.y, self.height, other.y, other.height)
    }

    /// Intersection over union; 0 where there is no area.
    pub fn overlap(self, other: Self) -> f64 {
        let both = self.shared_area(other);
        let union = self.width * self.height + other.width * other.height - both;
        if union > 0.0 { both / union } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_is_width_before_height() {
        assert_eq!(Size::of(&RgbImage::new(3, 2)), Size::new(3, 2));
    }

    #[test]
    fn a_picture_covers_half_a_pixel_beyond_its_centers() {
        assert_eq!(Size::new(640, 480).area(), Rect::new(-0.5, -0.5, 640.0, 480.0));
        assert_eq!(Size::new(640, 480).area().center(), Point::new(319.5, 239.5));
    }

    #[test]
    fn a_rectangle_contains_its_border() {
        let rect = Rect::new(1.0, 2.0, 3.0, 4.0);
        let inside = [(1.0, 2.0), (4.0, 6.0), (2.0, 3.0)].map(|(x, y)| rect.contains(Point::new(x, y)));
        let outside = [(0.9, 3.0), (4.1, 3.0), (2.0, 6.1)].map(|(x, y)| rect.contains(Point::new(x, y)));
        assert_eq!((inside, outside), ([true; 3], [false; 3]));
    }

    #[test]
    fn overlaps_by_hand() {
        let a = Rect::new(0.0, 0.0, 2.0, 2.0);
        assert_eq!(a.overlap(a), 1.0);
        assert_eq!(a.overlap(Rect::new(1.0, 0.0, 2.0, 2.0)), 1.0 / 3.0);
        assert_eq!(a.overlap(Rect::new(2.0, 0.0, 2.0, 2.0)), 0.0);
        assert_eq!(a.overlap(Rect::new(5.0, 0.0, 2.0, 2.0)), 0.0);
        let none = Rect::new(0.0, 0.0, 0.0, 0.0);
        assert_eq!(none.overlap(none), 0.0);
    }

    #[test]
    fn means_and_boxes_of_no_points_are_none() {
        assert_eq!(Point::mean([]), None);
        assert_eq!(Rect::around([]), None);
        assert_eq!(Point::mean([Point::new(1.0, 2.0), Point::new(3.0, 6.0)]), Some(Point::new(2.0, 4.0)));
    }

    proptest! {
        #[test]
        fn a_box_holds_its_points_tightly(raw in prop::collection::vec((-1e3..1e3, -1e3..1e3), 1..20)) {
            let points: Vec<Point> = raw.iter().map(|&(x, y)| Point::new(x, y)).collect();
            let r = Rect::around(&points).unwrap();
            let (x1, y1) = (r.x + r.width, r.y + r.height);
            let holds = |p: &Point| p.x >= r.x - 1e-9 && p.y >= r.y - 1e-9 && p.x <= x1 + 1e-9 && p.y <= y1 + 1e-9;
            prop_assert!(points.iter().all(holds));
            prop_assert!(points.iter().any(|p| (p.x - r.x).abs() < 1e-9) && points.iter().any(|p| (p.x - x1).abs() < 1e-9));
            prop_assert!(points.iter().any(|p| (p.y - r.y).abs() < 1e-9) && points.iter().any(|p| (p.y - y1).abs() < 1e-9));
        }

        #[test]
        fn a_square_keeps_the_center(x in -1e3..1e3, y in -1e3..1e3, w in 0.1..1e3, h in 0.1..1e3, factor in 0.5..3.0) {
            let r = Rect::new(x, y, w, h);
            let s = r.square(factor);
            prop_assert!(s.center().distance(r.center()) < 1e-9);
            prop_assert_eq!(s.width, s.height);
            prop_assert!((s.width - w.max(h) * factor).abs() < 1e-9);
        }
    }
}

//! Rendered insect wings: pictures of something that is no face, with as many exact keypoints as one asks for.
//!
//! A wing is an outline with a fan of veins (`shape`), laid flat on a ground at a place of its own ([`Place`]) and
//! painted (`paint`, `stroke`). It is never mirrored, so that its leading edge is always the upper one. The keypoints
//! are places on the lines that are drawn. Everything is drawn from `(seed, index)`.

mod paint;
mod shape;
mod stroke;

#[cfg(test)]
mod tests;

pub(super) use shape::LANDMARKS;

use super::random::{Draw, generator};
use candle_vision_helpers::{Point, Rect};
use image::RgbImage;
use shape::Shape;

/// Pixels between a wing and the border of its picture, at least.
const MARGIN: f64 = 8.0;

/// A rendered wing.
pub(super) struct Wing {
    /// RGB, 240 to 320 pixels a side.
    pub image: RgbImage,
    /// In a fixed order, picture pixels: landmarks, then places along the outline.
    pub points: Vec<Point>,
}

/// Wing `index` of a seed with `count` keypoints.
pub(super) fn render(seed: u64, index: usize, count: usize) -> Wing {
    let index = index as u64;
    let shape = Shape::new(seed, index);
    let place = Place::new(&shape, seed, index);
    let image = paint::picture(&shape, &place, seed, index);
    Wing { image, points: shape.points(count).into_iter().map(|p| place.at(p)).collect() }
}

/// Where a wing lies in its picture.
struct Place {
    /// Pixels.
    width: usize,
    height: usize,
    /// The root, picture pixels.
    root: Point,
    /// From the root to the tip, pixels.
    along: Point,
}

impl Place {
    /// Turned by up to 60 degrees from lying level with its tip to the right, and wholly in the picture.
    fn new(shape: &Shape, seed: u64, index: u64) -> Self {
        let r = &mut generator(seed, 8, index);
        let (width, height) = (r.range(240.0, 321.0) as usize, r.range(240.0, 321.0) as usize);
        let (sin, cos) = r.range(-60.0, 60.0).to_radians().sin_cos();
        let turned = Self { width, height, root: Point::new(0.0, 0.0), along: Point::new(cos, sin) };
        let outline: Vec<Point> = shape.outline().into_iter().map(|p| turned.at(p)).collect();
        let seen = Rect::around(&outline).unwrap_or(Rect::new(0.0, 0.0, 1.0, 1.0));
        let room = |side: usize| side as f64 - 1.0 - 2.0 * MARGIN;
        let (wide, high) = (room(width), room(height));
        let length = (wide / seen.width).min(high / seen.height) * r.range(0.78, 1.0);
        let mut start =
            |low: f64, extent: f64, room: f64| MARGIN - length * low + (room - length * extent) * r.range(0.0, 1.0);
        let root = Point::new(start(seen.x, seen.width, wide), start(seen.y, seen.height, high));
        Self { root, along: Point::new(length * cos, length * sin), ..turned }
    }

    /// A place on the wing, in units of its length, in picture pixels.
    fn at(&self, p: Point) -> Point {
        let Self { root, along, .. } = self;
        Point::new(root.x + along.x * p.x + along.y * p.y, root.y + along.y * p.x - along.x * p.y)
    }
}

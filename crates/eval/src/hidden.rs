//! Faces of a dataset with a part that cannot be seen, to learn what a network expects of the points in it.

use candle_vision_helpers::{Affine, Point, Rect, rng::splitmix64, warp::cut};
use facekp_data::{Annotation, Dataset, Frame, Result, Sample, Scheme, Split};
use image::{Rgb, RgbImage};
use std::{ops::Range, sync::Arc};

/// What hides a quarter of a face's box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hider {
    /// A rectangle of one color before it, half as wide and half as high as the box, at any place in it.
    Cover,
    /// The end of the picture, which any of its four sides may be.
    Border,
}

/// A dataset whose faces are hidden in part; where, depends on the hider and the sample's number alone.
pub struct Hidden {
    data: Arc<dyn Dataset>,
    by: Hider,
}

impl Hidden {
    /// The samples of `data`, each with a part hidden.
    pub fn new(data: Arc<dyn Dataset>, by: Hider) -> Self {
        Self { data, by }
    }

    /// The part of sample `i` that cannot be seen, original pixels. What the picture's border cuts off reaches beyond
    /// the box.
    ///
    /// # Errors
    /// As [`Dataset::annotation`].
    pub fn part(&self, i: usize) -> Result<Rect> {
        Ok(self.part_of(i, self.data.annotation(i)?.face))
    }

    fn part_of(&self, i: usize, face: Rect) -> Rect {
        let Rect { x, y, width, height } = face;
        match self.by {
            Hider::Cover => {
                let (left, top) = (chance(i, 0) / 2.0, chance(i, 1) / 2.0);
                Rect::new(x + left * width, y + top * height, width / 2.0, height / 2.0)
            }
            Hider::Border => {
                let (wide, high) = (1.25 * width, 1.25 * height);
                match Side::of(i) {
                    Side::Left => Rect::new(x - width, y - height, wide, 3.0 * height),
                    Side::Right => Rect::new(x + 0.75 * width, y - height, wide, 3.0 * height),
                    Side::Top => Rect::new(x - width, y - height, 3.0 * width, high),
                    Side::Bottom => Rect::new(x - width, y + 0.75 * height, 3.0 * width, high),
                }
            }
        }
    }
}

impl Dataset for Hidden {
    fn scheme(&self) -> &Arc<Scheme> {
        self.data.scheme()
    }

    fn len(&self) -> usize {
        self.data.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        let mut sample = self.data.get(i)?;
        let (columns, rows) = pixels(self.part_of(i, sample.face), &sample);
        match self.by {
            Hider::Cover => {
                let color = Rgb([2, 3, 4].map(|n| (256.0 * chance(i, n)) as u8));
                let picture = Arc::make_mut(&mut sample.image);
                rows.for_each(|y| columns.clone().for_each(|x| picture.put_pixel(x, y, color)));
            }
            Hider::Border => {
                let (picture, map) = without(&sample.image, columns, rows, Side::of(i));
                (sample.image, sample.to_image) = (Arc::new(picture), sample.to_image.then(&map));
            }
        }
        Ok(sample)
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        self.data.annotation(i)
    }

    fn frame(&self) -> Frame {
        self.data.frame()
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        self.data.split(split)
    }

    fn describe(&self) -> String {
        format!("{}, in part hidden", self.data.describe())
    }

    fn is_synthetic(&self) -> bool {
        self.data.is_synthetic()
    }
}

/// A side of a picture.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl Side {
    fn of(i: usize) -> Self {
        match (4.0 * chance(i, 0)) as usize {
            0 => Self::Left,
            1 => Self::Right,
            2 => Self::Top,
            _ => Self::Bottom,
        }
    }
}

/// Draw `n` for sample `i`, `0..1`.
fn chance(i: usize, n: u64) -> f64 {
    // the upper bits as a part of 1
    (splitmix64(8 * i as u64 + n) >> 11) as f64 / (1u64 << 53) as f64
}

/// The columns and rows of a sample's picture whose pixels have their centers in `part`, original pixels.
fn pixels(part: Rect, sample: &Sample) -> (Range<u32>, Range<u32>) {
    let to_image = |x: f64, y: f64| sample.to_image.apply(Point::new(x, y));
    let (from, to) = (to_image(part.x, part.y), to_image(part.x + part.width, part.y + part.height));
    let range = |from: f64, to: f64, side: u32| {
        let pixel = |at: f64| (at.max(0.0) as u32).min(side);
        pixel(from.ceil())..pixel(to.floor() + 1.0)
    };
    (range(from.x, to.x, sample.image.width()), range(from.y, to.y, sample.image.height()))
}

/// A picture that ends before the hidden columns or rows at one side, though not without a pixel, and the map to it.
fn without(picture: &RgbImage, columns: Range<u32>, rows: Range<u32>, side: Side) -> (RgbImage, Affine) {
    let (width, height) = picture.dimensions();
    let (kept_columns, kept_rows) = match side {
        Side::Left => (columns.end..width, 0..height),
        Side::Right => (0..columns.start, 0..height),
        Side::Top => (0..width, rows.end..height),
        Side::Bottom => (0..width, 0..rows.start),
    };
    let one = |kept: Range<u32>, side: u32| {
        let from = kept.start.min(side.saturating_sub(1));
        (from, kept.end.max(from + 1) - from)
    };
    let ((x, w), (y, h)) = (one(kept_columns, width), one(kept_rows, height));
    cut(picture, x, y, w, h)
}

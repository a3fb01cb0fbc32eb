//! From a sample to what a network sees: which part of the picture, at what size, in which colors.

pub mod augment;
mod crop;
mod photometric;

pub use augment::Augment;
pub use crop::Crop;

use crate::{
    error::{Error, Result},
    keypoints::Keypoints,
    sample::Sample,
};
use candle_vision_helpers::{
    Affine, Point, Rect, Size, Wrong,
    warp::{Channels, cut, shrink, warp},
    wrong::ensure,
};
use image::RgbImage;
use ndarray::Array3;
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;

/// Pixels of a view's longer side: a typo should be reported, not allocated.
const MAX_SIDE: usize = 2048;
const MAX_ENLARGEMENT: f64 = 100.0;

/// Recipe of a view; travels with the weights.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewSpec {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// One channel of luma instead of red, green, blue.
    pub grey: bool,
    /// Part of the picture that the view shows.
    pub crop: Crop,
    /// Values that are subtracted from each channel (values in `0..=1`).
    pub mean: Vec<f32>,
    /// Values that each channel is then divided by.
    pub std: Vec<f32>,
}

impl ViewSpec {
    /// Width and height.
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// Number of channels, 1 or 3.
    pub fn channels(&self) -> usize {
        if self.grey { 1 } else { 3 }
    }

    fn colors(&self) -> Channels {
        if self.grey { Channels::Luma } else { Channels::Rgb }
    }

    /// Whether views can be made so. This is the one check of a view: what passes can be cut, normalized and given to
    /// a network.
    ///
    /// # Errors
    /// When a side is 0 or longer than any network looks at, the enlargement is not above 0, or the normalization does
    /// not fit the channels.
    pub fn validate(&self) -> Result<(), Wrong> {
        let sides = format!("1 to {MAX_SIDE}");
        for (at, side) in [("width", self.width), ("height", self.height)] {
            ensure(at, side, &sides, |s| (1..=MAX_SIDE).contains(s))?;
        }
        if let Crop::Face { enlarge } = self.crop {
            let expected = format!("a number above 0, at most {MAX_ENLARGEMENT}");
            ensure("crop.enlarge", enlarge, expected, |&e| e > 0.0 && e <= MAX_ENLARGEMENT)?;
        }
        let channels = self.channels();
        let one_each = if channels == 1 { "1 value".to_owned() } else { format!("{channels} values, one per channel") };
        for (at, values) in [("mean", &self.mean), ("std", &self.std)] {
            ensure(at, values.len(), &one_each, |&n| n == channels)?;
        }
        self.mean.iter().try_for_each(|m| ensure("mean", m, "finite numbers", |m| m.is_finite()))?;
        self.std.iter().try_for_each(|s| ensure("std", s, "numbers above 0", |s| s.is_finite() && **s > 0.0))
    }

    /// The map from original pixels to view pixels, without augmentation.
    ///
    /// # Errors
    /// When the box or the picture has no area.
    pub fn to_view(&self, original: Size, face: Rect) -> Result<Affine> {
        let rect = match self.crop {
            Crop::Picture => original.area(),
            Crop::Face { enlarge } => {
                let sound = face.width > 0.0 && face.height > 0.0;
                if !sound {
                    return Err(no_area("face box", face));
                }
                face.square(enlarge)
            }
        };
        fit(rect, self.size()).ok_or_else(|| no_area("part of the picture", rect))
    }

    /// Makes the view of a sample; with `augment`, by the random choices of `rng` alone. A mirrored view has its points
    /// renamed.
    ///
    /// The picture goes through [`ViewSpec::prepare`] first, so a sample that was prepared before gives the same view
    /// bit for bit.
    ///
    /// # Errors
    /// When the face box has no area.
    pub fn view(&self, sample: &Sample, augment: Option<(&Augment, &mut Pcg64Mcg)>) -> Result<View> {
        let (image, to_image) = self.source(sample, augment.as_ref().map(|(augment, _)| *augment))?;
        let Some((augment, rng)) = augment else {
            let to_view = self.to_view(sample.original, sample.face)?;
            let image = warp(&image, &to_image.inverse().then(&to_view), self.size(), self.colors());
            return Ok(View { image, points: sample.points.transformed(&to_view), to_view, mirrored: false });
        };
        let face = augment.face(sample.face, rng);
        let change = augment.geometry(self.size(), rng);
        let to_view = self.to_view(sample.original, face)?.then(&change.map);
        let mut image = warp(&image, &to_image.inverse().then(&to_view), self.size(), self.colors());
        augment.photometric(&mut image, rng);
        let points = sample.points.transformed(&to_view);
        let points = if change.mirrored { points.flipped_names() } else { points };
        Ok(View { image, points, to_view, mirrored: change.mirrored })
    }

    /// The sample with no more of its picture, at no higher resolution, than views of it can show (with `augment`: any
    /// such view). Small to keep, quick to warp from; already prepared samples come back as they are.
    ///
    /// # Errors
    /// When the face box has no area.
    pub fn prepare(&self, sample: &Sample, augment: Option<&Augment>) -> Result<Sample> {
        let (image, to_image) = self.source(sample, augment)?;
        Ok(Sample { image, to_image, ..sample.clone() })
    }

    /// The prepared picture, and the map from original pixels to its own.
    fn source(&self, sample: &Sample, augment: Option<&Augment>) -> Result<(Arc<RgbImage>, Affine)> {
        let plain = self.to_view(sample.original, sample.face)?;
        let (mut image, mut to_image) = (Arc::clone(&sample.image), sample.to_image);
        let still = Augment::default();
        let augment = augment.unwrap_or(&still);

        let seen = augment.reach(self.size(), self.crop);
        let corners = corners(seen).map(|p| to_image.apply(plain.unapply(p)));
        // The outermost view pixels still average over whole pixels of the shrunk picture, and those over the ones
        // beside them.
        let room = 4.0 + 3.0 * to_image.scale() / plain.scale();
        if let Some((x, y, width, height)) = pixels_around(corners, room, &image) {
            let (part, map) = cut(&image, x, y, width, height);
            (image, to_image) = (Arc::new(part), to_image.then(&map));
        }
        let shrinkage = to_image.scale() / plain.scale();
        let wanted = augment.magnification(self.crop).max(SHRINKAGE_LEFT);
        if shrinkage > wanted * SLACK {
            let (small, map) = shrink(&image, wanted / shrinkage);
            (image, to_image) = (Arc::new(small), to_image.then(&map));
        }
        Ok((image, to_image))
    }
}

/// A sample as a network sees it.
#[derive(Clone, Debug)]
pub struct View {
    /// Picture `(C, H, W)`, values in `0..=1`, before normalization.
    pub image: Array3<f32>,
    /// Keypoints, view pixels.
    pub points: Keypoints,
    /// Map from original pixels to view pixels (with the augmentation; a mirror too).
    pub to_view: Affine,
    /// Whether the view is mirrored (the points are already renamed).
    pub mirrored: bool,
}

/// How many prepared pixels a view pixel spans at least: the warp then still averages, so that its bilinear taps do not
/// blur.
const SHRINKAGE_LEFT: f64 = 1.5;
/// Pictures that are only this much too fine stay as they are (and prepared ones always do).
const SLACK: f64 = 4.0 / 3.0;

fn no_area(what: &str, rect: Rect) -> Error {
    let Rect { x, y, width, height } = rect;
    Error::Invalid(format!("{what}: expected an area, got {width} x {height} at ({x}, {y})"))
}

/// The map that fits `rect` into `size` with its proportions kept, center on center.
fn fit(rect: Rect, size: Size) -> Option<Affine> {
    let scale = (size.width as f64 / rect.width).min(size.height as f64 / rect.height);
    let (from, to) = (rect.center(), size.area().center());
    let map = Affine::new([scale, 0.0, to.x - scale * from.x, 0.0, scale, to.y - scale * from.y]).ok()?;
    (rect.width > 0.0 && rect.height > 0.0 && scale > 0.0).then_some(map)
}

fn corners(rect: Rect) -> [Point; 4] {
    let (x1, y1) = (rect.x + rect.width, rect.y + rect.height);
    [Point::new(rect.x, rect.y), Point::new(x1, rect.y), Point::new(x1, y1), Point::new(rect.x, y1)]
}

/// The pixels of `image` up to `room` pixels around `points` (x, y, width, height);
/// `None` when cutting them out would save too little to be worth a copy.
fn pixels_around(points: [Point; 4], room: f64, image: &RgbImage) -> Option<(u32, u32, u32, u32)> {
    let rect = Rect::around(&points)?;
    let range = |from: f64, extent: f64, side: u32| {
        // At least one pixel, the nearest one, when all of it lies outside: the edge is repeated.
        let first = ((from - room).floor().max(0.0) as u32).min(side.saturating_sub(1));
        let end = ((from + extent + room).ceil().max(0.0) as u32).clamp(first + 1, side.max(first + 1));
        (first, end - first)
    };
    let (width, height) = image.dimensions();
    let ((x, w), (y, h)) = (range(rect.x, rect.width, width), range(rect.y, rect.height, height));
    let (kept, all) = (u64::from(w) * u64::from(h), u64::from(width) * u64::from(height));
    (kept * 4 < all * 3).then_some((x, y, w, h))
}

#[cfg(test)]
mod tests;

//! Random changes of a view in training, geometric and photometric; every amount at 0 changes nothing.
//!
//! All choices are drawn in one fixed order whatever the amounts, so that turning one change on leaves the others as
//! they were.

use crate::view::crop::Crop;
use candle_vision_helpers::{Affine, Point, Rect, Size, Wrong, wrong::ensure};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Strength of the random changes of views. Fractions are of the view's side, probabilities `0..=1`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Probability of a mirror, with the points renamed.
    pub flip: f64,
    /// Largest rotation, degrees either way.
    pub rotation: f64,
    /// Largest change of size, a fraction either way.
    pub scale: f64,
    /// Largest shift, a fraction of the view's side, each way on each axis.
    pub shift: f64,
    /// Largest move and change of size of the face box before the crop, a fraction of the box's side.
    pub box_noise: f64,
    /// Largest value that is added to all values, either way.
    pub brightness: f64,
    /// Largest change of the factor about the mean, either way.
    pub contrast: f64,
    /// Largest change of the factor of each channel, either way.
    pub color: f64,
    /// Probability of turning a color view grey.
    pub grey: f64,
    /// Standard deviation of added Gaussian noise, at most.
    pub noise: f64,
    /// Probability of a Gaussian blur (σ up to 1.5 view pixels at 128 px, in proportion to the view).
    pub blur: f64,
    /// Probability of a filled rectangle of up to 0.4 of each side.
    pub cutout: f64,
    /// Probability of a rectangle of one color, an eighth to three eighths of each side.
    pub erase: f64,
}

/// The random map of a view onto itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Map from plain to changed view pixels, with the mirror.
    pub map: Affine,
    /// Whether left and right are swapped.
    pub mirrored: bool,
}

/// However strong the change, views and boxes keep this part of their size.
const LEAST_FACTOR: f64 = 0.1;

impl Augment {
    /// Whether the amounts make sense.
    ///
    /// # Errors
    /// When a probability is not within `0..=1`, an amount is negative or not finite, or sizes could shrink to nothing.
    pub fn validate(&self) -> Result<(), Wrong> {
        let most = [
            ("flip", self.flip, 1.0),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 1.0 - LEAST_FACTOR),
            ("shift", self.shift, 1.0),
            ("box_noise", self.box_noise, 1.0 - LEAST_FACTOR),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("color", self.color, 1.0),
            ("grey", self.grey, 1.0),
            ("noise", self.noise, 1.0),
            ("blur", self.blur, 1.0),
            ("cutout", self.cutout, 1.0),
            ("erase", self.erase, 1.0),
        ];
        most.into_iter().try_for_each(|(at, value, most)| {
            ensure(at, value, format!("a number from 0 to {most}"), |v| (0.0..=most).contains(v))
        })
    }

    /// The face box, moved and resized by `box_noise`.
    pub(crate) fn face(&self, face: Rect, rng: &mut Pcg64Mcg) -> Rect {
        let [dx, dy, size] = std::array::from_fn(|_| self.box_noise * symmetric(rng));
        let (side, center) = (face.width.max(face.height), face.center());
        let factor = (1.0 + size).max(LEAST_FACTOR);
        let (width, height) = (face.width * factor, face.height * factor);
        Rect::new(center.x + dx * side - width / 2.0, center.y + dy * side - height / 2.0, width, height)
    }

    /// Rotation and scale about the view's center, then the shift, then the mirror.
    pub(crate) fn geometry(&self, view: Size, rng: &mut Pcg64Mcg) -> Change {
        let radians = (self.rotation * symmetric(rng)).to_radians();
        let scale = (1.0 + self.scale * symmetric(rng)).max(LEAST_FACTOR);
        let shift = Point::new(
            self.shift * symmetric(rng) * view.width as f64,
            self.shift * symmetric(rng) * view.height as f64,
        );
        let mirrored = rng.random::<f64>() < self.flip;
        // Only amounts that are not finite have no map.
        let turn = Affine::rotation_scale(view.area().center(), radians, scale).unwrap_or(Affine::IDENTITY);
        let moved = turn.then(&Affine::translation(shift.x, shift.y));
        Change { map: if mirrored { moved.then(&Affine::mirror(view.width)) } else { moved }, mirrored }
    }

    /// The most that changed views can show, in pixels of the plain view.
    pub(crate) fn reach(&self, view: Size, crop: Crop) -> Rect {
        let (width, height) = (view.width as f64, view.height as f64);
        let (x, y) = (width * (0.5 + self.shift), height * (0.5 + self.shift));
        let most = self.rotation.to_radians();
        let turned = |along: f64, across: f64| match across.atan2(along) {
            worst if worst < most => along.hypot(across),
            _ => along * most.cos() + across * most.sin(),
        };
        let larger = 1.0 / (1.0 - self.scale).max(LEAST_FACTOR);
        let (mut x, mut y) = (turned(x, y) * larger, turned(y, x) * larger);
        if let Crop::Face { enlarge } = crop {
            let moved = self.box_noise * width.min(height) / enlarge;
            x = x * (1.0 + self.box_noise) + moved;
            y = y * (1.0 + self.box_noise) + moved;
        }
        let center = view.area().center();
        Rect::new(center.x - x, center.y - y, 2.0 * x, 2.0 * y)
    }

    /// Largest factor by which things are larger than in the plain view.
    pub(crate) fn magnification(&self, crop: Crop) -> f64 {
        let boxed = match crop {
            Crop::Picture => 1.0,
            Crop::Face { .. } => 1.0 / (1.0 - self.box_noise).max(LEAST_FACTOR),
        };
        (1.0 + self.scale) * boxed
    }
}

/// A uniform random number from `-1` to `1`.
pub(super) fn symmetric(rng: &mut Pcg64Mcg) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}

#[cfg(test)]
mod tests;

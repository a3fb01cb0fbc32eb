//! User photos: a picture without annotations, its face box given or found with the network's own points.

use super::{Flip, Predictor};
use crate::error::{Error, Result};
use crate::stats::mean;
use crate::visualize;
use candle_vision_helpers::{Affine, Point, Rect, Size};
use facekp_data::{Batch, Crop, Keypoints, Sample, Scale};
use image::RgbImage;
use std::sync::Arc;

/// A face in a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The box that the network looked at last, in the photo's pixels.
    pub face: Rect,
    /// Points in the photo's pixels.
    pub points: Vec<Point>,
    /// Confidence per point, `0..=1`; `None` where the network has none.
    pub confidence: Option<Vec<f64>>,
    /// Whether the box was given, not needed, or confirmed by the points found in it; if not, the points deserve doubt.
    pub settled: bool,
}

impl Located {
    /// The mean of the points' confidences; `None` where the network has none.
    pub fn mean_confidence(&self) -> Option<f64> {
        mean(self.confidence.iter().flatten().copied())
    }

    /// Whether the search can stop here.
    fn is_certain(&self) -> bool {
        self.settled && self.mean_confidence().is_none_or(|c| c >= HIGH_CONFIDENCE)
    }

    /// Whether the points deserve a warning.
    pub fn is_doubtful(&self) -> bool {
        !self.settled || self.mean_confidence().is_some_and(|c| c < LOW_CONFIDENCE)
    }
}

/// Below this mean confidence a prediction deserves a warning.
const LOW_CONFIDENCE: f64 = 0.5;
/// From this mean confidence on, points that confirm their box end a search.
const HIGH_CONFIDENCE: f64 = 0.65;
/// Starts of a search that are followed.
const FOLLOWED: usize = 3;
/// Steps of a search along one side of the picture.
const MOST_STEPS: f64 = 12.0;
/// How often a box is taken from the points found in the last one.
const ROUNDS: usize = 5;
/// A box is confirmed when it and the box of the points found in it share this part of their union.
const SETTLED: f64 = 0.85;
/// A given box may be this many times the picture's longer side: a face that fills more is not to be seen.
const MOST_BOX: f64 = 2.0;
/// The part of a given box that has to lie within the picture: faces are cut by its edges, but not down to nothing.
const LEAST_INSIDE: f64 = 0.1;

impl Predictor {
    /// Predicts one picture; `face` is its box, or else it is found: a network that looks at whole pictures sees the
    /// picture, one that looks at a face searches for it.
    ///
    /// A network that looks at whole pictures sees the box, where one is given, in place of the picture.
    ///
    /// # Errors
    /// When the box has no area, lies outside or is far too large.
    pub fn locate(&self, picture: Arc<RgbImage>, face: Option<Rect>) -> Result<Located> {
        let size = Size::of(&picture);
        let face = face.map(|f| checked(f, size)).transpose()?;
        match (self.task().view.crop, face) {
            (Crop::Picture, face) => self.look(&picture, &[face.unwrap_or(size.area())], true)?.pop().ok_or_else(none),
            (Crop::Face { .. }, Some(face)) => self.look(&picture, &[face], true)?.pop().ok_or_else(none),
            (Crop::Face { .. }, None) => self.search(&picture, size),
        }
    }

    /// What a heatmap network sees of a photo in the box `face` with its maps over it, about `side` pixels; `None` for
    /// networks without maps.
    ///
    /// # Errors
    /// When the box has no area or lies outside.
    pub fn photo_heat(&self, picture: Arc<RgbImage>, face: Rect, side: usize) -> Result<Option<RgbImage>> {
        checked(face, Size::of(&picture))?;
        let (sample, _) = self.sample(&picture, face)?;
        let batch = Batch::of_samples(&self.task().view, &[sample])?;
        let Some(maps) = self.maps(&batch)? else { return Ok(None) };
        let view = visualize::plain_view(&batch, 0, &self.task().view)?;
        Ok(Some(visualize::heat_picture(&view, &maps.get(0)?, side)?))
    }

    /// Starts from the whole picture and, unless that leaves no doubt, from squares of many sizes spread over it: a
    /// network that was trained on boxes around faces finds its points near any box, so that the confidence decides,
    /// not the box alone.
    fn search(&self, picture: &Arc<RgbImage>, size: Size) -> Result<Located> {
        let whole = self.refine(picture, size.area())?;
        if whole.is_certain() {
            return Ok(whole);
        }
        let starts = starts(size);
        let first = self.look(picture, &starts, false)?;
        let promise = |l: &Located| l.mean_confidence().unwrap_or(1.0) * l.face.overlap(tight(&l.points));
        let mut best = whole;
        let mut ranked: Vec<&Located> = first.iter().collect();
        ranked.sort_by(|a, b| promise(b).total_cmp(&promise(a)));
        for start in ranked.into_iter().take(FOLLOWED) {
            let found = self.refine(picture, start.face)?;
            if promise(&found) > promise(&best) {
                best = found;
            }
            if best.is_certain() {
                break;
            }
        }
        Ok(best)
    }

    /// Takes each next box from the points found in the last one until they agree.
    fn refine(&self, picture: &Arc<RgbImage>, start: Rect) -> Result<Located> {
        let least = 0.04 * f64::from(picture.width().min(picture.height()));
        let mut found = self.look(picture, &[start], false)?.pop().ok_or_else(none)?;
        for _ in 0..ROUNDS {
            let next = tight(&found.points);
            found.settled = found.face.overlap(next) >= SETTLED;
            // Points that fell together give no box to look at.
            if found.settled
                || next.width.max(next.height) < least
                || !next.overlap(Size::of(picture).area()).is_normal()
            {
                break;
            }
            found = self.look(picture, &[next], false)?.pop().ok_or_else(none)?;
        }
        Ok(found)
    }

    /// Predicts in each of `faces`.
    fn look(&self, picture: &Arc<RgbImage>, faces: &[Rect], settled: bool) -> Result<Vec<Located>> {
        let mut all = Vec::with_capacity(faces.len());
        for faces in faces.chunks(super::BATCH) {
            let framed = faces.iter().map(|&face| self.sample(picture, face)).collect::<Result<Vec<_>>>()?;
            let (samples, to_photo): (Vec<_>, Vec<_>) = framed.into_iter().unzip();
            let batch = Batch::of_samples(&self.task().view, &samples)?;
            let found = self.predict_batch(&batch, Flip::Off)?;
            all.extend(found.into_iter().zip(to_photo).zip(faces).map(|((p, to_photo), &face)| Located {
                face,
                points: p.points.iter().map(|q| to_photo.apply(*q)).collect(),
                confidence: p.confidence,
                settled,
            }));
        }
        Ok(all)
    }

    /// The face in the box as a sample without known points, and the map from its original pixels to the photo's: a
    /// network that looks at whole pictures takes the box for the picture.
    fn sample(&self, picture: &Arc<RgbImage>, face: Rect) -> Result<(Sample, Affine)> {
        let scheme = &self.task().scheme;
        let (original, to_image) = match self.task().view.crop {
            Crop::Face { .. } => (Size::of(picture), Affine::IDENTITY),
            Crop::Picture => {
                let side = |v: f64| v.round().max(1.0) as usize;
                let size = Size::new(side(face.width), side(face.height));
                let wrong = |e| Error::Mismatch { id: "box".into(), reason: format!("{e}") };
                (size, Affine::rect_to_size(face, size).map_err(wrong)?.inverse())
            }
        };
        let unknown = Keypoints::hidden(scheme);
        let sample = Sample {
            id: "photo".into(),
            path: "photo".into(),
            subject: None,
            subset: None,
            image: Arc::clone(picture),
            to_image,
            original,
            face,
            points: unknown,
            scale: Scale::default(),
        };
        Ok((sample, to_image))
    }
}

fn none() -> Error {
    Error::Empty("photo: expected one prediction, got none".into())
}

pub(crate) fn checked(face: Rect, size: Size) -> Result<Rect> {
    let sound = [face.x, face.y, face.width, face.height].iter().all(|v| v.is_finite())
        && face.width > 0.0
        && face.height > 0.0;
    let most = MOST_BOX * size.width.max(size.height) as f64;
    let expected = if !sound || face.shared_area(size.area()) < LEAST_INSIDE * face.width * face.height {
        "a box with an area, a tenth of it or more"
    } else if face.width.max(face.height) > most {
        "a box of at most twice the longer side"
    } else {
        return Ok(face);
    };
    let got = format!("x {}, y {}, width {}, height {}", face.x, face.y, face.width, face.height);
    Err(Error::Mismatch {
        id: "box".into(),
        reason: format!("expected {expected} within {} x {} pixels, got {got}", size.width, size.height),
    })
}

fn tight(points: &[Point]) -> Rect {
    Rect::around(points).unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0))
}

/// Squares of parts of the shorter side, from nearly all to a third, each half its side from the next at most.
fn starts(size: Size) -> Vec<Rect> {
    let (w, h) = (size.width as f64, size.height as f64);
    let mut all = Vec::new();
    for part in [0.8, 0.6, 0.45, 0.34] {
        let side = w.min(h) * part;
        let along = |length: f64| {
            let room = length - side;
            // long panoramas are searched less closely rather than for ever
            let steps = (2.0 * room / side).ceil().clamp(1.0, MOST_STEPS);
            (0..=steps as usize).map(move |i| room * i as f64 / steps - 0.5)
        };
        all.extend(along(h).flat_map(|y| along(w).map(move |x| Rect::new(x, y, side, side))));
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn boxes_without_area_or_outside_are_refused() {
        let size = Size::new(100, 50);
        assert!(checked(Rect::new(-10.0, -10.0, 30.0, 30.0), size).is_ok());
        assert!(checked(size.area(), size).is_ok() && checked(Rect::new(-50.0, -50.0, 180.0, 180.0), size).is_ok());
        for bad in [
            (0.0, 0.0, 0.0, 5.0),
            (200.0, 0.0, 5.0, 5.0),
            (f64::NAN, 0.0, 5.0, 5.0),
            (0.0, 0.0, -5.0, 5.0),
            (0.0, 0.0, f64::INFINITY, 5.0),
            // a sliver of it inside: found points would lie where there is no picture
            (-95.0, 0.0, 100.0, 50.0),
            (0.0, 0.0, 1e9, 1e9),
        ] {
            let e = checked(Rect::new(bad.0, bad.1, bad.2, bad.3), size).unwrap_err().to_string();
            assert!(e.starts_with("box: expected a box with an area, a tenth of it or more within 100 x 50"), "{e}");
        }
        let e = checked(Rect::new(-50.0, 0.0, 201.0, 50.0), size).unwrap_err().to_string();
        assert!(e.starts_with("box: expected a box of at most twice the longer side within 100 x 50 pixels"), "{e}");
    }

    #[test]
    fn starts_stay_inside_the_picture() {
        for s in starts(Size::new(640, 480)) {
            assert!(s.x >= -0.5 && s.y >= -0.5 && s.x + s.width <= 640.0 && s.y + s.height <= 480.0, "{s:?}");
        }
    }
}

//! The points of faces in photos: looked at where the finder found them, and once more where their points lie.

use super::{
    Flip, Found, Predictor,
    doubt::Doubt,
    place::{Place, tight},
};
use crate::error::Result;
use crate::stats::mean;
use crate::visualize;
use candle_vision_helpers::{Point, Rect, convert, warp};
use facekp_data::{Batch, Crop, Picture, ViewSpec};
use image::RgbImage;
use std::sync::Arc;

/// A face in a photo and its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The box that the network looked at last, in the photo's pixels, when it is turned about its center by `roll`.
    pub face: Rect,
    /// By how many degrees the box is turned clockwise.
    pub roll: f64,
    /// How sure the finder is, `0..=1`; `None` where the box was given.
    pub score: Option<f64>,
    /// Points in the photo's pixels.
    pub points: Vec<Point>,
    /// Confidence per point, `0..=1`; `None` where the network has none.
    pub confidence: Option<Vec<f64>>,
    /// Expected distance of each point from where it is, in the photo's pixels; `None` for networks that were not
    /// calibrated.
    pub sigma: Option<Vec<f64>>,
    /// Which part of their union the expected box of the points and the one found share; `None` where the box was
    /// given, or the points are too few to have one.
    pub agreement: Option<f64>,
    /// The box in the pixels of the decoded photo.
    pub place: Place,
}

impl Located {
    /// The mean of the points' confidences; `None` where the network has none.
    pub fn mean_confidence(&self) -> Option<f64> {
        mean(self.confidence.iter().flatten().copied())
    }

    /// Why the points deserve doubt; empty where they do not.
    pub fn doubts(&self) -> Vec<Doubt> {
        Doubt::of(self.score, self.mean_confidence(), self.agreement)
    }

    /// The same in one line; `None` where they do not.
    pub fn doubt(&self) -> Option<String> {
        let all: Vec<String> = self.doubts().iter().map(Doubt::to_string).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// The corners of the turned box, clockwise from the one that is left above in the upright face.
    pub fn corners(&self) -> [Point; 4] {
        let (c, w, h) = (self.face.center(), self.face.width / 2.0, self.face.height / 2.0);
        let (sin, cos) = self.roll.to_radians().sin_cos();
        [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(x, y)| Point::new(c.x + x * cos - y * sin, c.y + x * sin + y * cos))
    }

    /// The same in the original pixels of a photo that was shrunk when it was decoded.
    pub(crate) fn in_original_pixels(mut self, photo: &Picture) -> Self {
        let (center, scale) = (photo.to_image.unapply(self.face.center()), photo.to_image.scale());
        self.face = about(center, self.face.width / scale, self.face.height / scale);
        self.points.iter_mut().for_each(|p| *p = photo.to_image.unapply(*p));
        self.sigma.iter_mut().flatten().for_each(|s| *s /= scale);
        self
    }
}

fn about(center: Point, width: f64, height: f64) -> Rect {
    Rect::new(center.x - width / 2.0, center.y - height / 2.0, width, height)
}

/// From so many points on their box says how large a face is.
pub(crate) const ENOUGH: usize = 3;

impl Predictor {
    /// The points of faces in photos, in the pixels of each; all of them in as few batches as can be.
    ///
    /// Where the finder found the face, a network that looks at boxes looks twice, the second time at the box of the
    /// points that it found first, turned so that they stand. `flip` is for the last look.
    ///
    /// # Errors
    /// When the network's output is not a number.
    pub fn locate(&self, wanted: &[(Arc<RgbImage>, Place)], flip: Flip) -> Result<Vec<Located>> {
        let enough = self.task().scheme.len() >= ENOUGH;
        let mut last: Vec<(Arc<RgbImage>, Place)> = wanted.to_vec();
        if enough && matches!(self.task().view.crop, Crop::Face { .. }) {
            self.look_first(&mut last)?;
        }
        let seen = self.look(&last, flip, self.is_calibrated())?;
        let located = last.into_iter().zip(seen).map(|((_, place), seen)| {
            let agreement = place.score.filter(|_| enough).map(|_| place.face.overlap(tight(&seen.points)));
            let looked_at = place.seen(self.task().view.crop);
            let seen = seen.moved(&place.to_upright.inverse());
            Located {
                face: about(place.to_upright.unapply(looked_at.center()), looked_at.width, looked_at.height),
                roll: place.roll,
                score: place.score,
                points: seen.points,
                confidence: seen.confidence,
                sigma: seen.sigma,
                agreement,
                place,
            }
        });
        Ok(located.collect())
    }

    /// Moves each place that the finder found to the points that are seen there, or, where the face may stand on its
    /// head, there or the other way up: where the network is surer.
    fn look_first(&self, places: &mut [(Arc<RgbImage>, Place)]) -> Result<()> {
        let (mut owners, mut looks) = (Vec::new(), Vec::new());
        for (i, (photo, place)) in places.iter().enumerate().filter(|(_, (_, place))| place.score.is_some()) {
            let other = place.either_way.then(|| place.turned(180.0));
            for place in [Some(place.clone()), other].into_iter().flatten() {
                owners.push(i);
                looks.push((Arc::clone(photo), place));
            }
        }
        let mut best: Vec<Option<f64>> = vec![None; places.len()];
        for ((i, (_, place)), seen) in owners.into_iter().zip(&looks).zip(self.look(&looks, Flip::Off, false)?) {
            // without confidences the finder's word counts
            let sure = mean(seen.confidence.iter().flatten().copied()).unwrap_or(0.0);
            if best[i].is_none_or(|best| sure > best) {
                best[i] = Some(sure);
                places[i].1 = place.at_points(&seen.points, self.task().scheme.mirror());
            }
        }
        Ok(())
    }

    /// What is seen in each place, in its upright frame, with expected errors where `sigma` asks for them.
    fn look(&self, wanted: &[(Arc<RgbImage>, Place)], flip: Flip, sigma: bool) -> Result<Vec<Found>> {
        let (task, mut all) = (self.task(), Vec::with_capacity(wanted.len()));
        for part in wanted.chunks(super::BATCH) {
            let framed = part.iter().map(|(photo, place)| place.sample(photo, &task.scheme, task.view.crop));
            let (samples, to_frame): (Vec<_>, Vec<_>) = framed.collect::<Result<Vec<_>>>()?.into_iter().unzip();
            let batch = Batch::of_samples(&task.view, &samples)?;
            let seen = self.in_original_pixels(self.look_at(&batch, flip, sigma)?, &batch)?;
            all.extend(seen.into_iter().zip(to_frame).map(|(seen, to_frame)| {
                Found { points: seen.points, confidence: seen.confidence, sigma: seen.sigma }.moved(&to_frame)
            }));
        }
        Ok(all)
    }

    /// What a heatmap network sees in a place of a photo with its maps over it, about `side` pixels; `None` for
    /// networks without maps.
    ///
    /// # Errors
    /// When the network refuses the view.
    pub fn photo_heat(&self, photo: &Arc<RgbImage>, place: &Place, side: usize) -> Result<Option<RgbImage>> {
        let (sample, _) = place.sample(photo, &self.task().scheme, self.task().view.crop)?;
        let batch = Batch::of_samples(&self.task().view, &[sample])?;
        let Some(maps) = self.maps(&batch)? else { return Ok(None) };
        let view = visualize::plain_view(&batch, 0, &self.task().view)?;
        Ok(Some(visualize::heat_picture(&view, &maps.get(0)?, side)?))
    }

    /// The part of a photo that the network sees in a place, upright and in color, its longer side `side` pixels.
    ///
    /// # Errors
    /// When the place has no area.
    pub fn aligned(&self, photo: &Arc<RgbImage>, place: &Place, side: usize) -> Result<RgbImage> {
        let view = &self.task().view;
        let part = |length: usize| (length * side).div_ceil(view.width.max(view.height)).max(1);
        let (width, height) = (part(view.width), part(view.height));
        let (mean, std) = (vec![0.0; 3], vec![1.0; 3]);
        let spec = ViewSpec { width, height, grey: false, crop: view.crop, mean, std };
        let (sample, _) = place.sample(photo, &self.task().scheme, view.crop)?;
        let to_view = spec.to_view(sample.original, sample.face)?;
        let map = sample.to_image.inverse().then(&to_view);
        Ok(convert::to_rgb(&warp::warp(photo, &map, spec.size(), warp::Channels::Rgb)))
    }
}

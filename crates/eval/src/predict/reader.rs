//! From photos to the points of every face in them: the finder and a keypoint network together.

use super::{
    Flip, Predictor,
    photo::Located,
    place::{Place, fit_of},
};
use crate::error::{Error, Result};
use crate::finder::{FindConfig, Finder};
use candle_vision_helpers::{Rect, Size};
use facekp_data::{Crop, Picture};
use std::sync::Arc;

/// Reads the faces of photos.
#[derive(Clone, Copy)]
pub struct PhotoReader<'a> {
    /// The network that finds points.
    pub predictor: &'a Predictor,
    /// Finds the faces; not needed where their box is given, or by a network that looks at whole pictures.
    pub finder: Option<&'a Finder>,
    /// Whether the network's last look is averaged with a mirrored one.
    pub flip: Flip,
}

/// Which faces of a photo are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The box of the only face, in the photo's original pixels; `None`: what the finder finds.
    pub face: Option<Rect>,
    /// At most so many faces, the largest; `None`: all.
    pub most: Option<usize>,
    /// What the finder looks for, in the photo's original pixels.
    pub find: FindConfig,
}

/// Which part of their union the points of two faces share at least where both are of one: neighbors in a crowd share
/// less.
const SAME: f64 = 0.4;

/// Each face by its surest finding: two boxes beside one face may both lead to it.
fn once(faces: impl Iterator<Item = Located>) -> Vec<Located> {
    let mut kept: Vec<(Option<Rect>, Located)> = Vec::new();
    for face in faces {
        let place = Rect::around(&face.points);
        let is_same =
            |(other, _): &(Option<Rect>, Located)| place.zip(*other).is_some_and(|(a, b)| a.overlap(b) > SAME);
        if !kept.iter().any(is_same) {
            kept.push((place, face));
        }
    }
    kept.into_iter().map(|(_, face)| face).collect()
}

impl PhotoReader<'_> {
    /// The faces of each photo, the surest first, or, of a network of other things that looks at whole pictures, what
    /// each picture shows; in the photo's original pixels. None is no error.
    ///
    /// # Errors
    /// When a given box is not within its photo, when the finder does not know the box of the network's points, or when
    /// the network's output is not a number.
    pub fn faces(&self, photos: &[Picture], wanted: &Wanted) -> Result<Vec<Vec<Located>>> {
        let places = photos.iter().map(|photo| self.places(photo, wanted)).collect::<Result<Vec<_>>>()?;
        self.faces_in(photos, places)
    }

    /// The faces in places that [`PhotoReader::places`] found, a list for each photo; otherwise as
    /// [`PhotoReader::faces`].
    ///
    /// # Errors
    /// When the network's output is not a number.
    pub fn faces_in(&self, photos: &[Picture], found: Vec<Vec<Place>>) -> Result<Vec<Vec<Located>>> {
        let mut places = Vec::new();
        let mut counts = Vec::with_capacity(photos.len());
        for (photo, found) in photos.iter().zip(found) {
            counts.push(found.len());
            places.extend(found.into_iter().map(|place| (Arc::clone(&photo.image), place)));
        }
        let mut located = self.predictor.locate(&places, self.flip)?.into_iter();
        let of_photo = |(photo, count): (&Picture, usize)| {
            once(located.by_ref().take(count).map(|face| face.in_original_pixels(photo)))
        };
        Ok(photos.iter().zip(counts).map(of_photo).collect())
    }

    /// Where to look in a photo, in the pixels of its decoded picture.
    ///
    /// # Errors
    /// When a given box is not within its photo, or the finder does not know the box of the network's points.
    pub fn places(&self, photo: &Picture, wanted: &Wanted) -> Result<Vec<Place>> {
        if let Some(face) = wanted.face {
            let place = Place::given(face, photo.original)?;
            return Ok(vec![place.moved(&photo.to_image)]);
        }
        let task = self.predictor.task();
        let is_known = |finder: &Finder| fit_of(task, finder.manifest()).is_some();
        if task.view.crop == Crop::Picture && !self.finder.is_some_and(is_known) {
            return Ok(vec![Place::whole(Size::of(&photo.image))]);
        }
        let Some(finder) = self.finder else {
            return Err(Error::Empty("photo: expected a face finder or the face's box, got neither".into()));
        };
        let smallest = wanted.find.smallest.map(|side| side * photo.to_image.scale());
        let mut found = finder.find(&photo.image, &FindConfig { smallest, ..wanted.find })?;
        if let Some(most) = wanted.most {
            let area = |i: &usize| found[*i].bounds.width * found[*i].bounds.height;
            let mut order: Vec<usize> = (0..found.len()).collect();
            order.sort_by(|a, b| area(b).total_cmp(&area(a)));
            let kept = &order[..most.min(order.len())];
            found = (0..found.len()).filter(|i| kept.contains(i)).map(|i| found[i].clone()).collect();
        }
        found.iter().map(|face| Place::of(face, task, finder.manifest())).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_vision_helpers::Point;

    fn face(x: f64, score: f64) -> Located {
        let points = [(0.0, 0.0), (26.0, 0.0), (13.0, 24.0)].map(|(dx, dy)| Point::new(x + dx, 150.0 + dy));
        let face = Rect::new(x, 150.0, 26.0, 24.0);
        let place = Place::given(face, Size::new(640, 480)).unwrap();
        Located {
            face,
            roll: 0.0,
            score: Some(score),
            points: points.to_vec(),
            confidence: None,
            sigma: None,
            agreement: None,
            place,
        }
    }

    /// Boxes of a crowd photo: a face found twice, 6 pixels apart, and a neighbor that covers a quarter of it.
    #[test]
    fn a_face_that_two_boxes_lead_to_is_one() {
        let all = [face(465.0, 0.89), face(485.0, 0.83), face(471.0, 0.75)];
        let kept: Vec<f64> = once(all.into_iter()).iter().filter_map(|f| f.score).collect();
        assert_eq!(kept, [0.89, 0.83]);
        assert_eq!(once([face(1.0, 0.9)].into_iter()).len(), 1);
    }
}

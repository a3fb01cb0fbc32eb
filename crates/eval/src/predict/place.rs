//! Where a network looks for a face of a photo: a box that stands upright in a frame of its own.

use crate::error::{Error, Result};
use crate::finder::{FoundFace, UprightBox, upright_box};
use candle_vision_helpers::{Affine, Point, Rect, Size};
use facekp_data::{Crop, Keypoints, Sample, Scale, Scheme};
use facekp_models::{BoxFit, FinderManifest, Task};
use image::RgbImage;
use std::{path::PathBuf, sync::Arc};

/// Where a network looks for a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// From the photo's pixels to a frame in which the face stands.
    pub(super) to_upright: Affine,
    /// The tight box of the points, as well as it is known before they are, in that frame.
    pub(super) face: Rect,
    /// What a network that looks at whole pictures takes for one, in that frame.
    pub(super) picture: Rect,
    /// By how many degrees the face is turned clockwise.
    pub(super) roll: f64,
    /// How sure the finder is; `None` where the box was given.
    pub(super) score: Option<f64>,
    /// Whether the face may stand on its head.
    pub(super) either_way: bool,
}

/// How a found face becomes the box of a task's points, if that is known.
pub(super) fn fit_of<'a>(task: &'a Task, finder: &'a FinderManifest) -> Option<&'a BoxFit> {
    task.found_box.as_ref().or_else(|| finder.fit(&task.scheme))
}

/// The same, or in a line why there is none.
pub(crate) fn known_fit<'a>(task: &'a Task, finder: &'a FinderManifest) -> Result<&'a BoxFit> {
    fit_of(task, finder).ok_or_else(|| Error::Mismatch {
        id: "face finder".into(),
        reason: format!(
            "expected points of {}, got {}, whose box around a found face it does not know; give the box instead",
            finder.boxes.keys().cloned().collect::<Vec<_>>().join(" or "),
            task.scheme.name()
        ),
    })
}

/// A given box may be this many times the picture's longer side: a face that fills more is not to be seen.
const MOST_BOX: f64 = 2.0;
/// The part of a given box that has to lie within the picture: faces are cut by its edges, but not down to nothing.
const LEAST_INSIDE: f64 = 0.1;

impl Place {
    /// The box that somebody says is a face's, in a photo of `size`. A network that looks at whole pictures takes it
    /// for the picture.
    ///
    /// # Errors
    /// When the box has no area, lies outside or is far too large.
    pub fn given(face: Rect, size: Size) -> Result<Self> {
        let face = checked(face, size)?;
        Ok(Self { to_upright: Affine::IDENTITY, face, picture: face, roll: 0.0, score: None, either_way: false })
    }

    /// The same place of a picture that `map`, which neither turns nor mirrors, made of the photo.
    pub(super) fn moved(&self, map: &Affine) -> Self {
        let [across, _, _, _, down, _] = map.coefficients();
        let moved = |r: Rect| {
            let corner = map.apply(Point::new(r.x, r.y));
            Rect::new(corner.x, corner.y, r.width * across, r.height * down)
        };
        let to_upright = map.inverse().then(&self.to_upright).then(map);
        Self { to_upright, face: moved(self.face), picture: moved(self.picture), ..self.clone() }
    }

    /// The whole of a photo, for a network that looks at whole pictures.
    pub(super) fn whole(size: Size) -> Self {
        let picture = size.area();
        Self { to_upright: Affine::IDENTITY, face: picture, picture, roll: 0.0, score: None, either_way: false }
    }

    /// A face that `finder` found, for the points of `task`.
    ///
    /// # Errors
    /// When nothing was fitted for the scheme.
    pub fn of(found: &FoundFace, task: &Task, finder: &FinderManifest) -> Result<Self> {
        let fit = known_fit(task, finder)?;
        let UprightBox { to_upright, face } = upright_box(found, fit)?;
        let size = (face.width * face.height).sqrt();
        let picture = fit.picture.map_or(face, |[dx, dy, w, h]| {
            let (c, w, h) = (face.center(), w * size, h * size);
            Rect::new(c.x + dx * size - w / 2.0, c.y + dy * size - h / 2.0, w, h)
        });
        let (score, either_way) = (Some(found.score.into()), !found.surely_stands());
        Ok(Self { to_upright, face, picture, roll: found.roll, score, either_way })
    }

    /// The same box in a frame that is turned by further degrees, clockwise, about its center.
    pub(super) fn turned(&self, degrees: f64) -> Self {
        let turn = Affine::rotation_scale(self.face.center(), -degrees.to_radians(), 1.0);
        let to_upright = turn.map_or(self.to_upright, |turn| self.to_upright.then(&turn));
        let roll = 180.0 - (180.0 - self.roll - degrees).rem_euclid(360.0);
        Self { to_upright, roll, ..self.clone() }
    }

    /// Where to look once points were found in this place, in its frame: at the box about them, turned so that it
    /// stands; `mirror` is the scheme's. Points that are not about this box leave it as it is.
    pub(super) fn at_points(&self, points: &[Point], mirror: Option<&[usize]>) -> Self {
        if self.face.overlap(tight(points)) <= NEAR {
            return self.clone();
        }
        let left = mirror.map_or(0.0, |mirror| lean(points, mirror));
        let place = if left.abs() > MOST_LEAN { self.turned(left) } else { self.clone() };
        let moved = |p: &Point| place.to_upright.apply(self.to_upright.unapply(*p));
        let face = tight(&points.iter().map(moved).collect::<Vec<_>>());
        Self { face, ..place }
    }

    /// The place so many pixels further on, to the right and down.
    pub(crate) fn shifted(&self, (dx, dy): (f64, f64)) -> Self {
        self.moved(&Affine::translation(dx, dy))
    }

    /// Where to look in the next picture for a face whose points, in the photo's pixels, were seen here, without the
    /// finder; `mirror` is the scheme's.
    pub(crate) fn following(&self, points: &[Point], mirror: Option<&[usize]>) -> Self {
        let here: Vec<Point> = points.iter().map(|p| self.to_upright.apply(*p)).collect();
        Self { score: None, either_way: false, ..self.at_points(&here, mirror) }
    }

    /// Which part of their union the box and that of points, in the photo's pixels, share.
    pub(crate) fn agreement(&self, points: &[Point]) -> f64 {
        let here: Vec<Point> = points.iter().map(|p| self.to_upright.apply(*p)).collect();
        self.face.overlap(tight(&here))
    }

    /// How sure the finder is; `None` where it was not asked.
    pub(crate) fn score(&self) -> Option<f64> {
        self.score
    }

    /// The box of the points, upright in the photo about the same center.
    pub fn bounds(&self) -> Rect {
        let (c, face) = (self.to_upright.unapply(self.face.center()), self.face);
        Rect::new(c.x - face.width / 2.0, c.y - face.height / 2.0, face.width, face.height)
    }

    /// The box that a network with such a crop looks at, in the upright frame.
    pub(super) fn seen(&self, crop: Crop) -> Rect {
        match crop {
            Crop::Face { .. } => self.face,
            Crop::Picture => self.picture,
        }
    }

    /// The face as a sample without known points, with the map from its pixels to the upright frame.
    pub(super) fn sample(&self, photo: &Arc<RgbImage>, scheme: &Arc<Scheme>, crop: Crop) -> Result<(Sample, Affine)> {
        let (original, to_frame) = match crop {
            Crop::Face { .. } => (Size::of(photo), Affine::IDENTITY),
            Crop::Picture => {
                let side = |v: f64| v.round().max(1.0) as usize;
                let size = Size::new(side(self.picture.width), side(self.picture.height));
                let wrong = |e| Error::Mismatch { id: "box".into(), reason: format!("{e}") };
                (size, Affine::rect_to_size(self.picture, size).map_err(wrong)?.inverse())
            }
        };
        let sample = Sample {
            id: "photo".into(),
            path: PathBuf::from("photo"),
            subject: None,
            subset: None,
            image: Arc::clone(photo),
            to_image: to_frame.then(&self.to_upright.inverse()),
            original,
            face: self.face,
            points: Keypoints::hidden(scheme),
            scale: Scale::default(),
        };
        Ok((sample, to_frame))
    }
}

fn checked(face: Rect, size: Size) -> Result<Rect> {
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

/// The box of the points that were found has to share this part with the one they were found in to be looked at.
const NEAR: f64 = 0.3;
/// Up to so many degrees a face is read as well as if it stood.
const MOST_LEAN: f64 = 8.0;

/// By how many degrees points lean clockwise, by the lines between those that a mirror exchanges, which lie across an
/// upright object.
fn lean(points: &[Point], mirror: &[usize]) -> f64 {
    let pairs = mirror.iter().enumerate().filter(|(i, j)| i < *j);
    let across = pairs.filter_map(|(i, &j)| Some((points.get(i)?, points.get(j)?)));
    let (x, y) = across.fold((0.0, 0.0), |(x, y), (a, b)| (x + b.x - a.x, y + b.y - a.y));
    // which of a pair is to the left, the scheme does not say; the object nearly stands
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    (sign * y).atan2(sign * x).to_degrees()
}

/// The box around points; without an area where there are none.
pub(super) fn tight(points: &[Point]) -> Rect {
    Rect::around(points).unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_follows_its_points_and_their_lean() {
        let place = Place::given(Rect::new(10.0, 10.0, 40.0, 40.0), Size::new(100, 100)).unwrap();
        // two pairs and one point of the middle, turned by 20° about (30, 32)
        let upright = [(14.0, 20.0), (46.0, 20.0), (20.0, 44.0), (40.0, 44.0), (30.0, 52.0)];
        let turn = Affine::rotation_scale(Point::new(30.0, 32.0), f64::to_radians(20.0), 1.0).unwrap();
        let points: Vec<Point> = upright.iter().map(|&(x, y)| turn.apply(Point::new(x, y))).collect();
        let mirror = [1, 0, 3, 2, 4];
        assert!((lean(&points, &mirror) - 20.0).abs() < 1e-9);
        let next = place.at_points(&points, Some(&mirror));
        assert!((next.roll - 20.0).abs() < 1e-9 && !next.either_way);
        // as large as the box of the upright points
        assert!((next.face.width - 32.0).abs() < 1e-9 && (next.face.height - 32.0).abs() < 1e-9, "{next:?}");
        let corner = next.to_upright.unapply(Point::new(next.face.x, next.face.y));
        assert!(corner.distance(turn.apply(Point::new(14.0, 20.0))) < 1e-9, "{corner:?}");
        let plain = place.at_points(&points, None);
        // -16 sin 20° - 12 cos 20° to 20 cos 20°
        assert!(plain.roll == 0.0 && (plain.face.height - 35.54).abs() < 0.01, "{plain:?}");
        let far: Vec<Point> = points.iter().map(|p| Point::new(p.x + 60.0, p.y)).collect();
        assert_eq!(place.at_points(&far, None), place);
        assert!((place.turned(180.0).turned(30.0).roll + 150.0).abs() < 1e-9);
    }

    #[test]
    fn a_box_goes_there_and_back() {
        // half the size: the first pixel's edge stays at -0.5
        let half = Affine::new([0.5, 0.0, -0.25, 0.0, 0.5, -0.25]).unwrap();
        let place = Place::given(Rect::new(-0.5, 9.5, 40.0, 20.0), Size::new(100, 50)).unwrap();
        assert_eq!(place.moved(&half).face, Rect::new(-0.5, 4.5, 20.0, 10.0));
        assert_eq!(place.moved(&half).moved(&half.inverse()), place);
        assert_eq!(place.moved(&Affine::IDENTITY), place);
    }

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
}

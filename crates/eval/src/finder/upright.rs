//! Which way up the faces are that were found. The finder sees a face however it lies, but believes that it stands: its
//! points turn by a third of what the face does. So all but the surest are looked at again in views that are turned
//! step by step, and the score tells.

use super::{Finder, FoundFace, decode, direction, letterbox};
use crate::error::Result;
use candle_vision_helpers::{
    Affine, Rect, Size,
    warp::{Channels, warp},
};
use image::RgbImage;

/// From this score on a face stands upright within some 40° (none of 1000 training faces, turned by up to 180°, was
/// further off).
const SURE: f32 = 0.91;
/// Such a face is turned by this many times what its points say: least squares on the same faces.
const GAIN: f64 = 1.44;
/// Further turned than this, in degrees, even a sure face is looked at again.
const NEARLY: f64 = 15.0;
/// Up to so many degrees a face is seen as well as if it stood.
const UPRIGHT: f64 = 25.0;
/// A face that is turned further is one from this score on, once it stands; how it scored as it lay tells little.
const TURNED: f32 = 0.75;
/// By how much the score has to be better for the opposite direction than for the upright one.
const PREFERENCE: f64 = 0.05;
/// Directions that are tried; 60° apart one face in twenty is misjudged, 30° apart none.
const DIRECTIONS: usize = 12;
const STEP: f64 = 360.0 / DIRECTIONS as f64;
/// Side of a view, and how many times as large as the face's bounds it is.
const SIDE: usize = 64;
const MARGIN: f64 = 1.6;
/// Faces that are looked at together.
const AT_ONCE: usize = 4;
/// What counts as a face in a view.
const LEAST: f64 = 0.1;

impl FoundFace {
    /// Whether it is seen so well as it lies that it can hardly lie otherwise; of the others one in eighty is read the
    /// wrong way up.
    pub(crate) fn surely_stands(&self) -> bool {
        self.score >= SURE && self.roll.abs() <= NEARLY
    }
}

impl Finder {
    /// Tells which way up faces are that were found in `picture`, the surest first: their roll, and what the finder
    /// sees of them once they stand. The score becomes the best of all directions.
    pub(super) fn righted(&self, picture: &RgbImage, faces: Vec<FoundFace>) -> Result<Vec<FoundFace>> {
        let told = |face: &FoundFace| GAIN * direction::roll(&face.landmarks);
        let sure = |face: &FoundFace| face.score >= SURE && told(face).abs() <= NEARLY;
        let (sure, unsure): (Vec<_>, Vec<_>) = faces.into_iter().partition(sure);
        let mut righted: Vec<FoundFace> = sure.into_iter().map(|f| FoundFace { roll: told(&f), ..f }).collect();
        for faces in unsure.chunks(AT_ONCE) {
            let turns = (0..DIRECTIONS).map(|i| i as f64 * STEP);
            let views = faces.iter().flat_map(|face| turns.clone().map(|degrees| View::of(face, degrees)));
            let seen = self.seen(picture, &views.collect::<Vec<_>>())?;
            let rows = || seen.chunks_exact(DIRECTIONS).zip(faces);
            let closer = rows().map(|(row, face)| View::of(face, best_turn(row)));
            let standing = self.seen(picture, &closer.collect::<Vec<_>>())?;
            for ((row, face), standing) in rows().zip(standing) {
                let turn = signed(best_turn(row));
                let Some(standing) = standing.filter(|_| turn.abs() > UPRIGHT) else {
                    // seen better where it was found, and larger
                    let unseen = row.iter().all(Option::is_none);
                    righted.push(FoundFace { roll: if unseen { told(face) } else { turn }, ..face.clone() });
                    continue;
                };
                let score = if standing.score >= TURNED { standing.score.max(face.score) } else { face.score };
                righted.push(FoundFace { score, ..standing });
            }
        }
        righted.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(righted)
    }

    /// The face in the middle of each view, in the picture's pixels.
    fn seen(&self, picture: &RgbImage, views: &[View]) -> Result<Vec<Option<FoundFace>>> {
        if views.is_empty() {
            return Ok(Vec::new());
        }
        let pictures: Vec<_> =
            views.iter().map(|v| warp(picture, &v.map, Size::new(SIDE, SIDE), Channels::Rgb)).collect();
        let maps = self.net.forward(&letterbox::stacked(&pictures, &self.device)?)?;
        let found = views.iter().enumerate().map(|(i, view)| {
            let faces = decode::faces(&maps, i, LEAST)?;
            let nearest = faces.iter().max_by(|a, b| promise(a).total_cmp(&promise(b)));
            Ok(nearest.map(|face| view.face_before(face)))
        });
        found.collect()
    }
}

/// High for a sure face in the middle of a view.
fn promise(face: &FoundFace) -> f64 {
    let (c, middle) = (face.bounds.center(), (SIDE as f64 - 1.0) / 2.0);
    f64::from(face.score) - ((c.x - middle).abs() + (c.y - middle).abs()) / SIDE as f64
}

/// By how many degrees a face is turned that is seen best in some of the [`DIRECTIONS`]: the top of a parabola through
/// the best score and its neighbors'.
fn best_turn(seen: &[Option<FoundFace>]) -> f64 {
    let score = |i: usize| seen[i % DIRECTIONS].as_ref().map_or(0.0, |f| f64::from(f.score));
    // a face is seen well on both sides of the right direction, too: a high score alone proves little
    let around = |i: usize| 0.5 * score(i) + 0.25 * (score(i + DIRECTIONS - 1) + score(i + 1));
    let preferred = |i: usize| around(i) + PREFERENCE / 2.0 * (i as f64 * STEP).to_radians().cos();
    let best = (0..DIRECTIONS).max_by(|a, b| preferred(*a).total_cmp(&preferred(*b))).unwrap_or(0);
    let (before, at, after) = (score(best + DIRECTIONS - 1), score(best), score(best + 1));
    let bend = before - 2.0 * at + after;
    let shift = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    (best as f64 + shift.clamp(-0.5, 0.5)) * STEP
}

/// The same angle within -180..180 degrees.
fn signed(degrees: f64) -> f64 {
    180.0 - (180.0 - degrees).rem_euclid(360.0)
}

/// A face's surroundings, turned so that it stands if it is turned by these degrees.
struct View {
    degrees: f64,
    /// From the picture's pixels to the view's.
    map: Affine,
}

impl View {
    fn of(face: &FoundFace, degrees: f64) -> Self {
        let (center, middle) = (face.bounds.center(), (SIDE as f64 - 1.0) / 2.0);
        let scale = SIDE as f64 / (MARGIN * (face.bounds.width * face.bounds.height).sqrt());
        let shift = Affine::translation(middle - center.x, middle - center.y);
        let turn = Affine::rotation_scale(center, -degrees.to_radians(), scale);
        // no map for a face without extent: the view is that of a corner, and nothing is there
        Self { degrees, map: turn.map_or(shift, |turn| turn.then(&shift)) }
    }

    /// A face of the view in the picture.
    fn face_before(&self, face: &FoundFace) -> FoundFace {
        let (center, scale) = (self.map.unapply(face.bounds.center()), self.map.scale());
        let (w, h) = (face.bounds.width / scale, face.bounds.height / scale);
        let about = |w: f64, h: f64| Rect::new(center.x - w / 2.0, center.y - h / 2.0, w, h);
        // around the ellipse in the turned box
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let (across, down) = ((w * cos).hypot(h * sin), (w * sin).hypot(h * cos));
        FoundFace {
            bounds: about(across, down),
            upright: about(w, h),
            landmarks: face.landmarks.map(|p| self.map.unapply(p)),
            roll: signed(self.degrees),
            score: face.score,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_vision_helpers::Point;

    fn face(bounds: Rect, score: f32) -> FoundFace {
        FoundFace { bounds, score, landmarks: [bounds.center(); 5], roll: 0.0, upright: bounds }
    }

    #[test]
    fn the_best_turn_lies_between_the_best_and_its_better_neighbor() {
        let seen = |scores: [f32; DIRECTIONS]| {
            scores.map(|s| (s > 0.0).then(|| face(Rect::new(0.0, 0.0, 1.0, 1.0), s))).to_vec()
        };
        let mut scores = [0.2; DIRECTIONS];
        (scores[3], scores[4], scores[5]) = (0.8, 0.9, 0.8);
        assert!((best_turn(&seen(scores)) - 120.0).abs() < 1e-4);
        scores[5] = 0.9;
        // of equal ones the last: the parabola's top lies in between all the same
        assert!((best_turn(&seen(scores)) - 135.0).abs() < 1e-4);
        let mut scores = [0.0; DIRECTIONS];
        scores[0] = 0.9;
        (scores[11], scores[1]) = (0.7, 0.6);
        // 0.5 (0.7 - 0.6) / (0.7 - 1.8 + 0.6) of 30°
        assert!((best_turn(&seen(scores)) + 3.0).abs() < 1e-4);
        assert_eq!(best_turn(&seen([0.0; DIRECTIONS])), 0.0, "upright where nothing is known");
    }

    #[test]
    fn a_view_turns_a_face_upright_and_back() {
        let found = face(Rect::new(100.0, 50.0, 40.0, 90.0), 0.9);
        for degrees in [0.0, 30.0, 90.0, 210.0, 330.0] {
            let view = View::of(&found, degrees);
            // what is above the face's middle once it stands lies in that direction in the picture
            let above = view.map.unapply(Point::new(31.5, 21.5));
            let (sin, cos) = f64::to_radians(degrees).sin_cos();
            let (c, reach) = (found.bounds.center(), 10.0 / view.map.scale());
            assert!(above.distance(Point::new(c.x + sin * reach, c.y - cos * reach)) < 1e-9, "{degrees}");
            let seen = face(Rect::new(11.5, 16.5, 40.0, 30.0), 0.9);
            let before = view.face_before(&seen);
            assert!(before.upright.center().distance(c) < 1e-9 && before.bounds.center().distance(c) < 1e-9);
            assert!((before.upright.width * view.map.scale() - 40.0).abs() < 1e-9);
            assert!((before.roll - degrees).rem_euclid(360.0) < 1e-9 && before.roll.abs() <= 180.0, "{}", before.roll);
            if degrees == 90.0 {
                assert!((before.bounds.width - before.upright.height).abs() < 1e-9);
            }
        }
    }
}

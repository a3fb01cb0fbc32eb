//! Tracks over small scenes of boxes: heads that cross, leave, enter, hide and vanish. No network and no picture has a
//! part in it.

#![allow(clippy::unwrap_used)]

use super::{
    TrackConfig,
    eyes::{Effort, Eyes},
    tracks::{Step, Tracks},
};
use crate::error::Result;
use crate::predict::{Located, Place};
use candle_vision_helpers::{Point, Rect, Size};
use image::RgbImage;
use std::{cell::Cell, sync::Arc};

const SIZE: Size = Size::new(640, 480);
const SIDE: f64 = 80.0;

/// What a network says where no face is.
#[derive(Clone, Copy, PartialEq)]
enum OfNothing {
    /// That it is unsure.
    Unsure,
    /// That there is a face.
    AFace,
}

/// One frame: faces, the nearest first.
struct Scene {
    faces: Vec<Rect>,
    of_nothing: OfNothing,
    follows: bool,
    /// Points of a face that is partly covered are drawn half the way to the one before it, and sure.
    slips: bool,
    looks: Cell<usize>,
}

fn scene(faces: &[(f64, f64)]) -> Scene {
    let faces = faces.iter().map(|&(x, y)| Rect::new(x, y, SIDE, SIDE)).collect();
    Scene { faces, of_nothing: OfNothing::Unsure, follows: true, slips: false, looks: Cell::new(0) }
}

impl Scene {
    /// Faces of which at least a half is within the picture and not behind a nearer one.
    fn visible(&self) -> Vec<Rect> {
        let half = SIDE * SIDE / 2.0;
        let is_free = |i: usize| self.faces[..i].iter().all(|near| near.shared_area(self.faces[i]) <= half);
        let is_inside = |i: usize| self.faces[i].shared_area(SIZE.area()) >= half;
        (0..self.faces.len()).filter(|&i| is_free(i) && is_inside(i)).map(|i| self.faces[i]).collect()
    }

    /// The box about the points of a face.
    fn pointed(&self, face: Rect) -> Rect {
        let mut before = self.faces.iter().take_while(|near| **near != face);
        match before.find(|near| self.slips && near.shared_area(face) > 0.15 * SIDE * SIDE) {
            Some(near) => Rect::new((face.x + near.x) / 2.0, (face.y + near.y) / 2.0, SIDE, SIDE),
            None => face,
        }
    }
}

impl Eyes for Scene {
    fn find(&self, _: &Arc<RgbImage>, _: Effort) -> Result<Vec<Place>> {
        self.looks.set(self.looks.get() + 1);
        self.visible().into_iter().map(|face| Place::given(face, SIZE)).collect()
    }

    /// The corners of the face that shares most with the place, if that is a quarter.
    fn look(&self, _: &Arc<RgbImage>, places: &[Place]) -> Result<Vec<Located>> {
        let one = |place: &Place| {
            let near = self.visible().into_iter().filter(|face| face.overlap(place.bounds()) > 0.25);
            let face = near.max_by(|a, b| a.overlap(place.bounds()).total_cmp(&b.overlap(place.bounds())));
            let sure = if face.is_some() || self.of_nothing == OfNothing::AFace { 0.9 } else { 0.1 };
            let r = face.map_or(place.bounds(), |face| self.pointed(face));
            let corners = [(r.x, r.y), (r.x + r.width, r.y), (r.x, r.y + r.height), (r.x + r.width, r.y + r.height)];
            let points: Vec<Point> = corners.map(|(x, y)| Point::new(x, y)).to_vec();
            let (confidence, agreement) = (Some(vec![sure; 4]), Some(place.agreement(&points)));
            let (sigma, place) = (None, place.clone());
            Located { face: r, roll: 0.0, score: None, points, confidence, sigma, agreement, place }
        };
        Ok(places.iter().map(one).collect())
    }

    fn follows(&self) -> bool {
        self.follows
    }

    fn mirror(&self) -> Option<&[usize]> {
        None
    }
}

/// The steps of all frames at 30 a second, and how often the finder looked.
fn run(frames: usize, at: impl Fn(f64) -> Scene) -> (Vec<Step>, usize) {
    let mut tracks = Tracks::new(TrackConfig { smooth: None, ..TrackConfig::default() });
    let (picture, mut looks) = (Arc::new(RgbImage::new(640, 480)), 0);
    let step = |i: usize| {
        let scene = at(i as f64);
        let step = tracks.step(&scene, &picture, i as f64 / 30.0).unwrap();
        looks += scene.looks.get();
        step
    };
    let steps = (0..frames).map(step).collect();
    (steps, looks)
}

/// Where each face of a step is shown: its id and its left edge.
fn shown(step: &Step) -> Vec<(u64, f64)> {
    step.shown.iter().map(|face| (face.id, face.seen.points[0].x)).collect()
}

/// The ids that were given up, with their frames.
fn lost(steps: &[Step]) -> Vec<(usize, u64)> {
    steps.iter().enumerate().flat_map(|(i, step)| step.lost.iter().map(move |id| (i, *id))).collect()
}

#[test]
fn a_face_is_found_once_followed_and_seldom_looked_for() {
    let (steps, looks) = run(31, |f| scene(&[(100.0 + 8.0 * f, 100.0)]));
    for (i, step) in steps.iter().enumerate() {
        assert_eq!(shown(step), [(1, 100.0 + 8.0 * i as f64)], "frame {i}");
        assert_eq!(step.shown[0].is_new, i == 0);
    }
    assert_eq!((lost(&steps), looks), (vec![], 4), "frames 0, 10, 20 and 30");
}

/// In how many frames each of three heads is shown, under its own id, which meet in frame 30: the first passes before
/// the second, the second before the third, which stays where it is.
fn crossing(slips: bool) -> [usize; 3] {
    let at = |f: f64| [(50.0 + 8.0 * f, 200.0), (530.0 - 8.0 * f, 210.0), (290.0, 205.0)];
    let (steps, _) = run(60, |f| Scene { slips, ..scene(&at(f)) });
    let mut frames = [0; 3];
    for (i, step) in steps.iter().enumerate() {
        for (id, x) in shown(step) {
            assert_eq!(x, at(i as f64)[id as usize - 1].0, "frame {i}: face {id}");
            frames[id as usize - 1] += 1;
        }
    }
    assert_eq!(lost(&steps), []);
    frames
}

#[test]
fn three_heads_cross_and_keep_their_ids() {
    // the second is covered while it is within 32 pixels of the first, the third while one is within 32 pixels of it
    assert_eq!(crossing(false), [60, 55, 51]);
}

/// As above, but before they are hidden, points slip to the face in front: what they tell then of place and speed is
/// not believed.
#[test]
fn points_that_slip_to_the_face_in_front_do_not_take_the_id_along() {
    // the second's points are its own while it is 66.3 pixels from the first; the third's, 67.2 from both
    assert_eq!(crossing(true), [60, 51, 43]);
}

#[test]
fn one_leaves_and_one_enters() {
    let (steps, _) = run(60, |f| scene(&[(100.0 + 12.0 * f, 100.0), (-300.0 + 12.0 * f, 300.0)]));
    // less than a quarter of it is within the picture from 620 on
    assert_eq!(lost(&steps), [(44, 1)]);
    let news = steps.iter().enumerate().flat_map(|(i, s)| s.shown.iter().filter(|f| f.is_new).map(move |f| (i, f.id)));
    // half of it is inside from frame 22 on; the finder looks at frame 30
    assert_eq!(news.collect::<Vec<_>>(), [(0, 1), (30, 2)]);
    assert_eq!(shown(&steps[59]), [(2, 408.0)]);
}

#[test]
fn of_two_tracks_on_one_face_one_ends() {
    // the second goes behind the first and never comes out
    let at = |f: f64| if f < 10.0 { vec![(200.0, 100.0), (300.0 - 10.0 * f, 100.0)] } else { vec![(200.0, 100.0)] };
    let (steps, _) = run(60, |f| scene(&at(f)));
    for (i, step) in steps.iter().enumerate() {
        let expected: &[(u64, f64)] = &[(1, 200.0), (2, 300.0 - 10.0 * i as f64)];
        assert_eq!(shown(step), expected[..if i < 7 { 2 } else { 1 }], "frame {i}");
    }
    let lost = lost(&steps);
    assert!(matches!(lost[..], [(30..=40, 2)]), "{lost:?}");
}

#[test]
fn points_on_nothing_do_not_live_on() {
    let vanishing = |of_nothing: OfNothing| {
        move |f: f64| Scene { of_nothing, ..scene(if f < 25.0 { &[(200.0, 100.0)] } else { &[] }) }
    };
    let (steps, _) = run(80, vanishing(OfNothing::Unsure));
    assert_eq!(lost(&steps), [(34, 1)], "the tenth frame without it");
    let doubted = |step: &Step| step.shown.iter().all(|face| face.seen.doubt().is_some());
    assert!(steps[25..].iter().all(doubted) && steps[34..].iter().all(|step| step.shown.is_empty()));
    // the finder looks at frame 30, and three frames of its word count as one
    let (steps, _) = run(80, vanishing(OfNothing::AFace));
    let lost = lost(&steps);
    assert!(matches!(lost[..], [(59, 1)]), "{lost:?}");
}

#[test]
fn a_face_that_is_out_of_sight_for_a_moment_keeps_its_id() {
    let (steps, _) = run(50, |f| {
        let face = (100.0 + 6.0 * f, 100.0);
        scene(if (20.0..26.0).contains(&f) { &[] } else { std::slice::from_ref(&face) })
    });
    assert_eq!((lost(&steps), shown(&steps[26])), (vec![], vec![(1, 256.0)]));
    assert!(steps.iter().all(|step| step.shown.iter().all(|face| face.id == 1)));
}

#[test]
fn a_face_that_comes_back_later_is_another() {
    let (steps, _) = run(80, |f| scene(if (20.0..50.0).contains(&f) { &[] } else { &[(100.0, 100.0)] }));
    assert_eq!((lost(&steps), shown(&steps[50])), (vec![(29, 1)], vec![(2, 100.0)]));
}

#[test]
fn what_does_not_tell_where_it_goes_is_looked_for_in_every_frame() {
    let at = |f: f64| [(50.0 + 8.0 * f, 100.0), (500.0 - 8.0 * f, 300.0)];
    let (steps, looks) = run(30, |f| Scene { follows: false, ..scene(&at(f)) });
    for (i, step) in steps.iter().enumerate() {
        let [a, b] = at(i as f64);
        assert_eq!(shown(step), [(1, a.0), (2, b.0)], "frame {i}");
    }
    assert_eq!((lost(&steps), looks), (vec![], 30));
}

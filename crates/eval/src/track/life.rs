//! One face through a video: where it is expected, how it was seen last, and how much speaks against it.

use super::{contact::Contact, kalman::SmoothConfig, matching::apart, motion::Motion, smooth::FaceSmoother};
use crate::predict::{Doubt, Located, Place};
use candle_vision_helpers::{Point, Rect, Size};

/// What a frame says against a track whose points are unsure …
pub(super) const UNSURE: usize = 6;
/// … against one that only the finder does not confirm, or that is hidden …
pub(super) const UNCONFIRMED: usize = 2;
/// … and against one that cannot be seen, because another face is in front of where it is expected.
pub(super) const COVERED: usize = 1;
/// Points whose box is less than this from where it is due, in sizes, are believed also among other faces …
const AS_DUE: f64 = 0.08;
/// … if its width and height have changed by no more than this part since it was alone: what is covered narrows …
const NARROWS: f64 = 0.05;
/// … and what is found farther than this from there has moved in another way than was expected.
const TURNED: f64 = 0.25;
/// A face of which less than this part lies in the picture has left it.
const LEAST_INSIDE: f64 = 0.25;
/// Nor is there one of fewer pixels than this across.
const LEAST_SIDE: f64 = 4.0;

/// A face with an id.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub id: u64,
    /// Where to look next.
    now: Course,
    /// What is known of it without what its points told while another face was near, which may be the other's.
    clear: Course,
    /// The box about its points while no other was near.
    alone: Rect,
    smoother: Option<FaceSmoother>,
    /// How much speaks against it since it was sure; with [`UNSURE`] times the patience, it ends.
    pub against: usize,
    /// Whether another face covers it, or nothing of it can be seen.
    pub is_hidden: bool,
}

/// Where a face was seen last, and how it moves.
#[derive(Clone, Debug)]
struct Course {
    place: Place,
    motion: Motion,
}

impl Course {
    fn at(&self, time: f64) -> Place {
        self.place.shifted(self.motion.ahead(time))
    }
}

/// What is seen of a track in a frame, or of a face that may become one.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub seen: Located,
    /// Where to look in the next frame.
    pub next: Place,
    /// The box about the points.
    pub bounds: Rect,
    /// Whether the points are to be believed.
    pub is_sound: bool,
}

impl Sighting {
    /// `mirror` is the scheme's; where points do not say where to look next (`follows`), their place does.
    pub(super) fn new(seen: Located, follows: bool, mirror: Option<&[usize]>) -> Self {
        // that the finder is unsure is said, but what the points say counts
        let is_sound = seen.doubts().iter().all(|doubt| matches!(doubt, Doubt::Finder(_)));
        let next = if follows { seen.place.following(&seen.points, mirror) } else { seen.place.clone() };
        let bounds = if is_sound { next.bounds() } else { Rect::around(&seen.points).unwrap_or(next.bounds()) };
        Self { seen, next, bounds, is_sound }
    }
}

impl Track {
    pub(super) fn new(id: u64, time: f64, sighting: &Sighting, smooth: Option<SmoothConfig>) -> Self {
        let now = Course { place: sighting.next.clone(), motion: Motion::new(sighting.bounds.center(), time) };
        Self {
            id,
            clear: now.clone(),
            now,
            alone: sighting.bounds,
            smoother: smooth.map(FaceSmoother::new),
            against: 0,
            is_hidden: false,
        }
    }

    /// Where to look at `time`, by where it was and the velocity that it had.
    pub(super) fn expected(&self, time: f64) -> Place {
        self.now.at(time)
    }

    /// Where it should be at `time`, whatever its points told while another face was near.
    pub(super) fn due(&self, time: f64) -> Rect {
        self.clear.at(time).bounds()
    }

    /// Seconds since it was where it was surely itself.
    pub(super) fn age(&self, time: f64) -> f64 {
        self.clear.motion.age(time)
    }

    /// Whether it should still be in a picture of `size`.
    pub(super) fn is_inside(&self, time: f64, size: Size) -> bool {
        let bounds = self.expected(time).bounds();
        let area = bounds.width * bounds.height;
        bounds.width.min(bounds.height) >= LEAST_SIDE && bounds.shared_area(size.area()) >= LEAST_INSIDE * area
    }

    /// Takes note of where it was seen, and where it was found.
    pub(super) fn see(&mut self, sighting: &Sighting, found: Option<&Place>, contact: Contact, time: f64) {
        let due = self.due(time);
        self.now.place = sighting.next.clone();
        self.now.motion.see(sighting.bounds.center(), time);
        if contact == Contact::Clear {
            self.alone = sighting.bounds;
        }
        let (seen, alone) = (sighting.bounds, self.alone);
        let is_whole = [seen.width / alone.width, seen.height / alone.height].iter().all(|r| r.ln().abs() < NARROWS);
        if contact == Contact::Clear || (is_whole && apart(due, seen) < AS_DUE) {
            self.clear.place = sighting.next.clone();
            self.clear.motion.average(sighting.bounds.center(), time);
        } else if let Some(to) = found.map(Place::bounds).filter(|found| apart(due, *found) > TURNED) {
            // the boxes of one that is half covered are narrower, and its points slip to the other
            let (from, to) = (self.clear.place.bounds().center(), to.center());
            self.clear.place = self.clear.place.shifted((to.x - from.x, to.y - from.y));
            self.clear.motion.average(to, time);
        }
    }

    /// It is out of sight: what its points told at last may have been another's.
    pub(super) fn hide(&mut self) {
        self.now = self.clear.clone();
        self.is_hidden = true;
    }

    /// The points of what was seen, smoothed if so wanted.
    pub(super) fn smoothed(&mut self, points: &[Point], time: f64) -> Vec<Point> {
        let bounds = self.now.place.bounds();
        let size = (bounds.width * bounds.height).sqrt();
        self.smoother.as_mut().map_or_else(|| points.to_vec(), |smoother| smoother.smooth(points, time, size))
    }

    /// Forgets how its points moved: it was out of sight.
    pub(super) fn reappear(&mut self, smooth: Option<SmoothConfig>) {
        self.is_hidden = false;
        self.smoother = smooth.map(FaceSmoother::new);
    }
}

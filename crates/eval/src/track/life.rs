//! One face through a video: where it is expected, how it was seen last, and how much speaks against it.

use super::{motion::Motion, one_euro::SmoothConfig, smooth::FaceSmoother};
use crate::predict::{Doubt, Located, Place};
use candle_vision_helpers::{Point, Rect, Size};

/// What a frame says against a track whose points are unsure …
pub(super) const UNSURE: usize = 3;
/// … and against one that only the finder does not confirm, or that another face covers.
pub(super) const UNCONFIRMED: usize = 1;
/// A face of which less than this part lies in the picture has left it.
const LEAST_INSIDE: f64 = 0.25;
/// Nor is there one of fewer pixels than this across.
const LEAST_SIDE: f64 = 4.0;

/// A face with an id.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub id: u64,
    /// Where to look, as far as the frame knew in which it was seen last.
    place: Place,
    motion: Motion,
    smoother: Option<FaceSmoother>,
    /// How much speaks against it since it was sure; with [`UNSURE`] times the patience, it ends.
    pub against: usize,
    /// Whether another face covers it, or nothing of it can be seen.
    pub is_hidden: bool,
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
        Self {
            id,
            place: sighting.next.clone(),
            motion: Motion::new(sighting.bounds.center(), time),
            smoother: smooth.map(FaceSmoother::new),
            against: 0,
            is_hidden: false,
        }
    }

    /// Where it should be at `time`, by the velocity that it had.
    pub(super) fn expected(&self, time: f64) -> Place {
        self.place.shifted(self.motion.ahead(time))
    }

    /// Whether it should still be in a picture of `size`.
    pub(super) fn is_inside(&self, time: f64, size: Size) -> bool {
        let bounds = self.expected(time).bounds();
        let area = bounds.width * bounds.height;
        bounds.width.min(bounds.height) >= LEAST_SIDE && bounds.shared_area(size.area()) >= LEAST_INSIDE * area
    }

    /// Takes note of where it was seen.
    pub(super) fn see(&mut self, sighting: &Sighting, time: f64) {
        self.place = sighting.next.clone();
        self.motion.see(sighting.bounds.center(), time);
    }

    /// The points of what was seen, smoothed if so wanted.
    pub(super) fn smoothed(&mut self, points: &[Point], time: f64) -> Vec<Point> {
        let bounds = self.place.bounds();
        let size = (bounds.width * bounds.height).sqrt();
        self.smoother.as_mut().map_or_else(|| points.to_vec(), |smoother| smoother.smooth(points, time, size))
    }

    /// Forgets how its points moved: it was out of sight.
    pub(super) fn reappear(&mut self, smooth: Option<SmoothConfig>) {
        self.is_hidden = false;
        self.smoother = smooth.map(FaceSmoother::new);
    }
}

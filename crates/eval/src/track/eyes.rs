//! What a tracker sees frames with: the face finder and a keypoint network.

use crate::error::Result;
use crate::finder::{FindConfig, Finder};
use crate::predict::{Flip, Located, Place, Predictor, photo::ENOUGH, place::known_fit};
use facekp_data::Crop;
use image::RgbImage;
use std::sync::Arc;

/// How much work the finder takes upon itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// One look.
    Glance,
    /// Where nothing is found, further ones at the picture turned and enlarged.
    Search,
}

/// Looks at frames; a trait, so that tests can look at scenes of boxes.
pub(super) trait Eyes {
    /// Where the faces of a frame are, the surest first.
    fn find(&self, frame: &Arc<RgbImage>, effort: Effort) -> Result<Vec<Place>>;

    /// What is seen in each of some places; how place and points agree is known of all but single points.
    fn look(&self, frame: &Arc<RgbImage>, places: &[Place]) -> Result<Vec<Located>>;

    /// Whether the points of a face tell where to look in the next frame.
    fn follows(&self) -> bool;

    /// The mirror of the points' scheme.
    fn mirror(&self) -> Option<&[usize]>;
}

/// The finder and a network.
pub(super) struct Networks<'a> {
    predictor: &'a Predictor,
    finder: &'a Finder,
    flip: Flip,
    find: FindConfig,
}

impl<'a> Networks<'a> {
    /// # Errors
    /// When the finder does not know the box of the network's points.
    pub(super) fn new(predictor: &'a Predictor, finder: &'a Finder, flip: Flip, find: FindConfig) -> Result<Self> {
        known_fit(predictor.task(), finder.manifest())?;
        Ok(Self { predictor, finder, flip, find })
    }
}

impl Eyes for Networks<'_> {
    fn find(&self, frame: &Arc<RgbImage>, effort: Effort) -> Result<Vec<Place>> {
        let found = match effort {
            Effort::Glance => self.finder.glance(frame, &self.find)?,
            Effort::Search => self.finder.find(frame, &self.find)?,
        };
        found.iter().map(|face| Place::of(face, self.predictor.task(), self.finder.manifest())).collect()
    }

    fn look(&self, frame: &Arc<RgbImage>, places: &[Place]) -> Result<Vec<Located>> {
        let wanted: Vec<_> = places.iter().map(|place| (Arc::clone(frame), place.clone())).collect();
        let mut seen = self.predictor.locate(&wanted, self.flip)?;
        if self.follows() {
            // a place that followed from points is not the finder's: it has to be compared here
            seen.iter_mut().for_each(|face| face.agreement = Some(face.place.agreement(&face.points)));
        }
        Ok(seen)
    }

    fn follows(&self) -> bool {
        let task = self.predictor.task();
        task.scheme.len() >= ENOUGH && matches!(task.view.crop, Crop::Face { .. })
    }

    fn mirror(&self) -> Option<&[usize]> {
        self.predictor.task().scheme.mirror()
    }
}

//! Faces through a video: ids that stay, points that do not tremble, the finder only where it is needed.
//!
//! Between two looks of the finder, a face is looked at where its last points say that it is (`life`), moved on as it
//! moved before (`motion`). The finder looks at the first frame, where a face is in doubt, and every so often for
//! newcomers and to confirm the others (`tracks`). Points are smoothed by Kalman filters (`kalman`, `smooth`).

mod contact;
mod eyes;
mod kalman;
mod life;
mod listing;
mod matching;
mod motion;
#[cfg(test)]
mod scenes;
mod smooth;
mod tracks;

pub use kalman::SmoothConfig;
pub use listing::{TrackedFace, TrackedFrame};

use crate::error::Result;
use crate::finder::{FindConfig, Finder};
use crate::predict::{Flip, Predictor};
use eyes::Networks;
use facekp_data::Picture;
use tracks::{Shown, Tracks};

/// How faces are tracked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackConfig {
    /// The finder looks at every such frame, whatever is known: for newcomers, and to confirm the others.
    pub find_every: usize,
    /// So many frames in a row a face is kept whose points are unsure; three times as many while it is hidden, or while
    /// its points are sure and only the finder does not see it; six times as many while another face covers it.
    pub patience: usize,
    /// How points are smoothed; `None`: not at all.
    pub smooth: Option<SmoothConfig>,
    /// Whether each look is averaged with its mirror image.
    pub flip: Flip,
    /// What the finder looks for.
    pub find: FindConfig,
}

impl Default for TrackConfig {
    fn default() -> Self {
        Self {
            find_every: 10,
            patience: 10,
            smooth: Some(SmoothConfig::default()),
            flip: Flip::Off,
            find: FindConfig::default(),
        }
    }
}

/// Tracks the faces of one video.
pub struct FaceTracker<'a> {
    eyes: Networks<'a>,
    tracks: Tracks,
    frame: usize,
}

impl<'a> FaceTracker<'a> {
    /// A tracker before its first frame. A network of fewer than three points, or one that looks at whole pictures,
    /// does not tell where a face goes: with it, the finder looks at every frame.
    ///
    /// # Errors
    /// When the finder does not know the box of the network's points.
    pub fn new(predictor: &'a Predictor, finder: &'a Finder, config: TrackConfig) -> Result<Self> {
        let eyes = Networks::new(predictor, finder, config.flip, config.find)?;
        Ok(Self { eyes, tracks: Tracks::new(config), frame: 0 })
    }

    /// The faces of the next frame, shown at `time`, in seconds; times never go back.
    ///
    /// # Errors
    /// When the network's output is not a number.
    pub fn next_frame(&mut self, picture: &Picture, time: f64) -> Result<TrackedFrame> {
        let step = self.tracks.step(&self.eyes, &picture.image, time)?;
        let shown = |face: Shown| TrackedFace::new(face.id, face.is_new, &face.seen.in_original_pixels(picture));
        self.frame += 1;
        Ok(TrackedFrame {
            frame: self.frame - 1,
            time,
            file: None,
            file_bytes: None,
            width: picture.original.width,
            height: picture.original.height,
            faces: step.shown.into_iter().map(shown).collect(),
            lost: step.lost,
        })
    }
}

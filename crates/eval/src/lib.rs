//! Prediction with facial keypoint networks, and how good it is.
#![doc = include_str!("../README.md")]

pub mod baseline;
pub mod error;
pub mod finder;
mod hidden;
mod listing;
mod markup;
pub mod metrics;
pub mod plot;
mod predict;
pub mod report;
pub mod run_files;
pub mod stats;
pub mod tables;
mod track;
pub mod visualize;

pub use baseline::MeanShape;
pub use error::{Error, Result};
pub use finder::{FindConfig, Finder, FoundFace};
pub use hidden::{Hidden, Hider};
pub use listing::{FaceResult, PictureResult};
pub use metrics::{FaceError, Summary};
pub use predict::{
    CalibrationViews, Detector, Doubt, Flip, FoundPredictions, Located, MissedFace, PhotoReader, Place, Prediction,
    Predictor, Reliability, Wanted,
};
pub use track::{FaceTracker, SmoothConfig, TrackConfig, TrackedFace, TrackedFrame};

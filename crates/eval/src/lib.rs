//! Errors and metrics of keypoint networks, predictions back in the picture, plots, and the report page.

pub mod baseline;
pub mod curve;
pub mod error;
pub mod files;
pub mod finder;
mod listing;
pub mod metrics;
pub mod predict;
mod raster;
pub mod report;
pub mod tables;
mod ticks;
pub mod visualize;

pub use baseline::MeanShape;
pub use error::{Error, Result};
pub use finder::{FindConfig, Finder, FoundFace};
pub use listing::{FaceResult, PictureResult};
pub use metrics::{FaceError, Summary};
pub use predict::{Located, Prediction, Predictor};

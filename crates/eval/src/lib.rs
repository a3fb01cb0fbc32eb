//! Errors and metrics of keypoint networks, predictions back in the picture, plots, and the report page.

pub mod baseline;
pub mod curve;
pub mod error;
pub mod files;
mod large;
mod listing;
pub mod metrics;
pub mod photo;
pub mod predict;
mod raster;
pub mod report;
pub mod tables;
mod ticks;
pub mod visualize;

pub use baseline::MeanShape;
pub use error::{Error, Result};
pub use listing::{FaceResult, PictureResult};
pub use metrics::{FaceError, Summary};
pub use photo::Located;
pub use predict::{Prediction, Predictor};

//! Pictures with facial keypoints: what they are, how they are read, cut, augmented and loaded; and rendered faces.
//!
//! files → [`Sample`] (original pixels) → [`View`] (what a network sees) → [`Batch`] (tensors).

pub mod augment;
pub mod check;
pub mod crop;
pub mod dataset;
pub mod error;
pub mod fetch;
mod files;
pub mod formats;
mod found;
pub mod ibug;
pub mod imm;
pub mod keypoints;
pub mod loader;
pub mod pack;
pub mod picture;
mod predictions;
pub mod pts_folder;
mod record;
pub mod sample;
pub mod scheme;
pub mod split;
pub mod synthetic;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
mod write;

pub use augment::Augment;
pub use crop::{Crop, View, ViewSpec};
pub use dataset::{Dataset, Frame, Kind, open};
pub use error::{Error, Result};
pub use files::{is_picture, pictures_in};
pub use keypoints::Keypoints;
pub use loader::{Batch, Loader, LoaderConfig};
pub use pack::PackDataset;
pub use picture::{Picture, load_picture};
pub use predictions::{PREDICTION_SUFFIX, is_prediction};
pub use sample::{Annotation, Sample, Scale};
pub use scheme::Scheme;
pub use split::Split;
pub use write::write_whole;

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
pub mod ibug;
pub mod imm;
pub mod keypoints;
pub mod loader;
pub mod pack;
pub mod picture;
pub mod pts_folder;
mod record;
pub mod sample;
pub mod scheme;
pub mod split;
pub mod synthetic;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

pub use augment::Augment;
pub use crop::{Crop, View, ViewSpec};
pub use dataset::{Dataset, Kind, open};
pub use error::{Error, Result};
pub use files::write_whole;
pub use keypoints::Keypoints;
pub use loader::{Batch, Loader, LoaderConfig};
pub use pack::PackDataset;
pub use picture::load_picture;
pub use sample::{Annotation, Sample, Scale};
pub use scheme::Scheme;
pub use split::Split;

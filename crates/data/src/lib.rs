//! Pictures with keypoints, from files to batches.
#![cfg_attr(feature = "tensors", doc = include_str!("../README.md"))]

mod boxed_photos;
pub mod dataset;
pub mod datasets;
pub mod edit;
pub mod error;
pub mod formats;
mod io;
pub mod keypoints;
#[cfg(feature = "tensors")]
pub mod loader;
pub mod picture;
pub mod sample;
pub mod scheme;
pub mod source;
pub mod split;
pub mod synthetic;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
pub mod video;
pub mod view;

pub use boxed_photos::{BoxedPhoto, BoxedPhotos};
pub use dataset::{Dataset, Frame};
pub use datasets::{
    CheckReport, DatasetKind,
    check::check,
    open::{open_dataset, open_kind},
    pack::PackDataset,
};
pub use error::{Error, Result};
pub use io::{
    Alone, Draft, alone, forget_parts, is_photo, is_picture, is_stream, lock, part_of, pictures_in,
    predictions::{PREDICTION_SUFFIX, is_prediction},
    write_whole,
};
pub use keypoints::Keypoints;
#[cfg(feature = "tensors")]
pub use loader::{Batch, Loader, LoaderConfig, Share};
pub use picture::{Picture, load_picture};
pub use sample::{Annotation, Sample, Scale};
pub use scheme::Scheme;
pub use split::Split;
pub use view::{Augment, Crop, View, ViewSpec};

//! Facial keypoint networks, codecs and self-describing weights files.
#![doc = include_str!("../README.md")]

mod calibration;
pub mod codec;
mod error;
pub mod export;
mod finder_file;
mod found_box;
mod header;
#[cfg(feature = "fetch")]
pub mod imagenet;
mod init;
mod layers;
mod limits;
mod load_report;
mod locate;
pub mod networks;
pub mod onnx;
mod origin;
mod params;
mod pickle;
mod pth;
mod task;
pub mod weights;
mod weights_kind;

pub use calibration::Calibration;
pub use codec::{Codec, CodecConfig};
pub use error::{Error, Result};
pub use finder_file::{FINDER, FinderFile, FinderManifest};
pub use found_box::BoxFit;
pub use init::Init;
pub use load_report::{LoadReport, Misshaped};
pub use locate::{known_weights, locate, locate_run};
pub use networks::{KeypointModel, ModelConfig, Pass};
pub use origin::Origin;
pub use params::{Params, Scope};
pub use task::Task;
pub use weights::{Manifest, WeightsFile};
pub use weights_kind::WeightsKind;

//! Facial keypoint networks, the codecs between points and network outputs, and weight files that describe themselves.

pub mod codec;
pub mod error;
pub mod face_cnn;
mod finder_file;
pub mod heatmap_net;
mod init;
mod layers;
mod locate;
pub mod nose_cnn;
pub mod params;
mod plain;
pub mod resnet;
pub mod task;
mod validate;
pub mod weights;
pub mod yunet;

pub use codec::{Codec, CodecConfig};
pub use error::{Error, Result};
pub use finder_file::{BoxFit, FinderFile, FinderManifest};
pub use locate::{locate, locate_run};
pub use params::{Params, Scope};
pub use task::{KeypointModel, ModelConfig, Task};
pub use weights::{LoadReport, Manifest, WeightsFile};

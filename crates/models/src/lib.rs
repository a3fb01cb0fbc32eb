//! Facial keypoint networks, the codecs between points and network outputs, and weight files that describe themselves.

pub mod codec;
pub mod error;
pub mod face_cnn;
pub mod heatmap_net;
mod init;
mod layers;
mod limits;
mod locate;
pub mod nose_cnn;
pub mod params;
mod plain;
pub mod resnet;
pub mod task;
pub mod weights;

pub use codec::{Codec, CodecConfig};
pub use error::{Error, Result};
pub use locate::{locate, locate_run};
pub use params::{Params, Scope};
pub use task::{KeypointModel, ModelConfig, Task};
pub use weights::{LoadReport, Manifest, WeightsFile};

//! Facial keypoints in photos, and the networks that find them.
//!
//! [`Detector`] finds every face of a photo and reads its points, 68 of them with the network `face68`:
//!
//! ```
//! use facekp::Detector;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let detector = Detector::load("face68")?; // a name in weights/, a weights file or a run folder
//! let faces = detector.predict_file("crates/eval/tests/pictures/astronaut.jpg")?;
//! assert_eq!(faces.len(), 1);
//! for face in faces {
//!     assert_eq!(face.points.len(), 68); // pixels of the photo, (0, 0) is the center of the first
//!     println!("{:.1} % sure: tip of the nose at {:?}", 100.0 * face.score.unwrap_or_default(), face.points[30]);
//!     if let Some(doubt) = face.doubt() {
//!         println!("not to be relied on: {doubt}");
//!     }
//! }
//!
//! let black = image::RgbImage::new(160, 120); // a picture in memory
//! assert!(detector.predict(&black.into())?.is_empty()); // no face, no guess
//! # Ok(())
//! # }
//! ```
//!
//! Weights are no part of the crate: a clone of the repository has them in `weights/`, and the environment variable
//! `FACEKP_WEIGHTS` names the folder where they are elsewhere. Load a detector once and keep it;
//! [`Detector::reader`] takes many photos at a time, given boxes, or the largest faces alone.
//!
//! The rest is five crates, here as modules, each of use alone:
//!
//! - [`vision`] (`candle-vision-helpers`): geometry, warps, drawing, trainable operations for candle. Start at
//!   [`vision::Affine`] and [`vision::ops`].
//! - [`data`] (`facekp-data`): formats, schemes, views, batches, rendered faces. Start at [`data::Dataset`] and
//!   [`data::datasets`].
//! - [`models`] (`facekp-models`): networks, codecs, weights files. Start at [`models::Task`].
//! - [`eval`] (`facekp-eval`): prediction, errors, plots, the report. Start at [`Predictor`] and [`eval::Summary`].
//! - [`train`] (`facekp-train`): recipes, losses, the loop. Start at [`train::Recipe`] and [`train::fit()`].
//!
//! A network of your own is trained by a recipe, as the program does it:
//!
//! ```no_run
//! use facekp::{Device, train::{Begin, Data, Mode, Recipe, fit}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Recipe::load("wings.toml", &[])?; // `facekp init FOLDER` writes one
//! let data = Data::open(&recipe, ".".as_ref())?;
//! let outcome = fit(&recipe, &data, &Device::Cpu, &Begin::new("runs/wings", Mode::New), &mut [])?;
//! println!("{:?}", outcome.validation); // errors on the faces for validation
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `cli`, on by default, is for the program: `default-features = false` gives the library without its dependencies.
//! `fetch` downloads datasets and ImageNet's weights. `cuda`, `cudnn`, `metal`, `accelerate` and `mkl` are candle's.

pub use candle_core::{self, Device};
pub use candle_vision_helpers as vision;
pub use facekp_data as data;
pub use facekp_eval as eval;
pub use facekp_models as models;
pub use facekp_train as train;
pub use image;

pub use candle_vision_helpers::{Point, Rect};
pub use facekp_data::{Picture, Scheme, picture::load_photo};
pub use facekp_eval::{Detector, Doubt, Finder, Flip, Located, PhotoReader, Predictor, Wanted};

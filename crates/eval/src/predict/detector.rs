//! From a name of weights to the points of every face in a photo: finder and network, loaded together.

use super::{
    Flip, Predictor,
    photo::Located,
    reader::{PhotoReader, Wanted},
};
use crate::{error::Result, finder::Finder};
use candle_core::Device;
use facekp_data::{Crop, Picture, Scheme, picture::load_photo};
use facekp_models::{FINDER, locate};
use std::{path::Path, slice, sync::Arc};

/// A keypoint network with the face finder that goes before it, as `facekp predict` has them.
pub struct Detector {
    predictor: Predictor,
    finder: Option<Finder>,
    flip: Flip,
}

impl Detector {
    /// Loads a network onto the CPU: a name such as `face68`, a weights file, or a run folder.
    ///
    /// Names and the face finder are looked for as [`locate`] does: in `$FACEKP_WEIGHTS`, and in `weights/` of this
    /// folder and those above it, of the program's, and of the source tree.
    ///
    /// # Errors
    /// When there are no such weights or no finder (a network of whole pictures does without), or they cannot be read.
    pub fn load(weights: &str) -> Result<Self> {
        Self::open(&locate(weights)?, &Device::Cpu)
    }

    /// Loads a weights file, and the face finder, onto a device.
    ///
    /// # Errors
    /// As [`Detector::load`].
    pub fn open(weights: &Path, device: &Device) -> Result<Self> {
        let (predictor, file) = Predictor::load(weights, device)?;
        let finder = match locate(FINDER) {
            Err(_) if predictor.task().view.crop == Crop::Picture => None,
            found => Some(Finder::load(&found?, device)?),
        };
        Ok(Self { predictor, finder, flip: Flip::of(&file.manifest)? })
    }

    /// The same with another choice of whether the last look is averaged with a mirrored one; by default it is as the
    /// network's recipe says.
    #[must_use]
    pub fn with_flip(self, flip: Flip) -> Self {
        Self { flip, ..self }
    }

    /// The faces of a photo, the surest first, in its pixels; none is no error. A picture in memory is
    /// `&Picture::from(image)`.
    ///
    /// # Errors
    /// As [`PhotoReader::faces`].
    pub fn predict(&self, photo: &Picture) -> Result<Vec<Located>> {
        Ok(self.reader().faces(slice::from_ref(photo), &Wanted::default())?.pop().unwrap_or_default())
    }

    /// The same of a photo's file, turned upright as its camera noted.
    ///
    /// # Errors
    /// When the file cannot be read or is no picture; as [`PhotoReader::faces`].
    pub fn predict_file(&self, photo: impl AsRef<Path>) -> Result<Vec<Located>> {
        self.predict(&load_photo(photo.as_ref())?)
    }

    /// What the points mean: their names, and which of them make an eye or a mouth.
    pub fn scheme(&self) -> &Arc<Scheme> {
        &self.predictor.task().scheme
    }

    /// For several photos at once, for given boxes, for the largest faces alone.
    pub fn reader(&self) -> PhotoReader<'_> {
        PhotoReader { predictor: &self.predictor, finder: self.finder.as_ref(), flip: self.flip }
    }
}

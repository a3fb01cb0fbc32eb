//! What a set of samples offers.

use crate::{
    error::Result,
    sample::{Annotation, Sample},
    scheme::Scheme,
    source::Source,
    split::Split,
};
use std::sync::Arc;

/// Samples that can be fetched by index, from any thread. Reading the annotations happens when it is opened, decoding
/// in [`Dataset::get`].
pub trait Dataset: Send + Sync {
    /// The scheme of every sample.
    fn scheme(&self) -> &Arc<Scheme>;
    /// Number of samples.
    fn len(&self) -> usize;
    /// Whether the dataset has no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Reads and decodes sample `i`.
    ///
    /// # Errors
    /// When the picture cannot be read; out of range.
    fn get(&self, i: usize) -> Result<Sample>;
    /// Sample `i` without its pixels; readers answer without decoding.
    ///
    /// # Errors
    /// Out of range; where it takes decoding, when the picture cannot be read.
    fn annotation(&self, i: usize) -> Result<Annotation> {
        let Sample { id, path, subject, face, points, .. } = self.get(i)?;
        Ok(Annotation { id, picture: path, subject, face, points })
    }
    /// Where the annotation of sample `i` stands, for formats in which it can be changed there.
    fn source(&self, i: usize) -> Option<&Source> {
        let _ = i;
        None
    }
    /// Frame that a guess without looking is relative to.
    fn frame(&self) -> Frame {
        Frame::Box
    }
    /// The indices of a split, in a fixed order.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when this dataset has no such split.
    fn split(&self, split: Split) -> Result<Vec<usize>>;
    /// One line for the report: `IMM face database, 240 pictures`, or `rendered faces …`.
    fn describe(&self) -> String;
    /// Whether the faces are rendered ones.
    fn is_synthetic(&self) -> bool {
        false
    }
}

/// What the positions of points are relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The tight box of a face's points: pictures in which a face may be anywhere.
    Box,
    /// The whole picture: portraits that are all framed alike.
    Picture,
}

//! Where the annotation of a face stands.

use std::path::{Path, PathBuf};

/// A place in a file of annotations, for formats in which an annotation can be changed where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    pub(crate) place: Place,
}

/// Where in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All of a `.pts`.
    Pts,
    /// A box of a picture of an imglab list, both from 0; boxes to be ignored are not counted.
    Imglab { picture: usize, face: usize },
    /// An annotation of COCO's JSON, from 0.
    Coco { annotation: usize },
    /// A record of a table, its header not counted, from 0.
    Csv { row: usize },
}

impl Source {
    pub(crate) fn new(file: impl Into<PathBuf>, place: Place) -> Self {
        Self { file: file.into(), place }
    }

    /// The `.pts` beside a picture, which may not exist yet.
    pub fn beside(picture: &Path) -> Self {
        Self::new(picture.with_extension("pts"), Place::Pts)
    }
}

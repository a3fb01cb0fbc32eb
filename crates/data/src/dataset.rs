//! What a set of samples offers, and the kinds of them.

use crate::{
    error::Result,
    sample::{Annotation, Sample},
    scheme::{self, Scheme},
    split::Split,
};
use std::sync::Arc;

/// Samples that can be fetched by index, from any thread. Reading the annotations happens when it is opened, decoding
/// in [`Dataset::get`].
pub trait Dataset: Send + Sync {
    /// The scheme of every sample.
    fn scheme(&self) -> &Arc<Scheme>;
    /// How many samples.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Reads and decodes sample `i`.
    ///
    /// # Errors
    /// When the picture cannot be read; out of range.
    fn get(&self, i: usize) -> Result<Sample>;
    /// What is known of sample `i` without its pixels; readers answer without decoding.
    ///
    /// # Errors
    /// Out of range; where it takes decoding, when the picture cannot be read.
    fn annotation(&self, i: usize) -> Result<Annotation> {
        let Sample { id, path, face, points, .. } = self.get(i)?;
        Ok(Annotation { id, picture: path, face, points })
    }
    /// What a guess without looking should be relative to.
    fn frame(&self) -> Frame {
        Frame::Box
    }
    /// The indices of a split, in a fixed order.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when this dataset has no such split.
    fn split(&self, split: Split) -> Result<Vec<usize>>;
    /// For the report: `IMM face database, 240 pictures`, or `rendered faces …`.
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

/// The datasets that a recipe may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetKind {
    /// IMM, 58 points.
    Imm58,
    /// IMM, the nose tip alone.
    ImmNose,
    /// iBUG 300-W, 68 points.
    Ibug68,
    /// A folder of pictures beside `.pts` files, 68 points (YouTube Faces here, one's own).
    Pts68,
}

impl DatasetKind {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Imm58, Self::ImmNose, Self::Ibug68, Self::Pts68];

    /// The name in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imm58 => "imm58",
            Self::ImmNose => "imm_nose",
            Self::Ibug68 => "ibug68",
            Self::Pts68 => "pts68",
        }
    }

    /// The scheme of its faces.
    pub fn scheme(self) -> &'static Arc<Scheme> {
        match self {
            Self::Imm58 => &scheme::IMM_58,
            Self::ImmNose => &scheme::NOSE_1,
            Self::Ibug68 | Self::Pts68 => &scheme::IBUG_68,
        }
    }

    /// As [`Dataset::frame`].
    pub(crate) fn frame(self) -> Frame {
        match self {
            Self::Imm58 | Self::ImmNose => Frame::Picture,
            Self::Ibug68 | Self::Pts68 => Frame::Box,
        }
    }

    /// How its folder's name begins within a parent folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Imm58 | Self::ImmNose => "imm_face_db",
            Self::Ibug68 => "ibug_300W",
            Self::Pts68 => "ytf_68",
        }
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Imm58 | Self::ImmNose => "the IMM face database (.asf files, or imm_face_db/ with them)",
            Self::Ibug68 => "iBUG 300-W (labels_ibug_300W*.xml, or ibug_300W*/ with it)",
            Self::Pts68 => "pictures beside .pts files, or ytf_68/ with them",
        }
    }
}

impl std::str::FromStr for DatasetKind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let all = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|k| k.name() == s).ok_or_else(|| format!("expected one of {}, got {s:?}", all()))
    }
}

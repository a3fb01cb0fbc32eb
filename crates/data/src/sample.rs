//! One face in one picture, in the picture's original pixels.

use crate::keypoints::Keypoints;
use candle_vision_helpers::{Affine, Point, Rect, Size};
use image::RgbImage;
use std::{path::PathBuf, sync::Arc};

/// Lengths that errors are divided by, in original pixels; measured on the whole annotation, so that a subset of the
/// points keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scale {
    /// The scheme's normalizer: on faces the distance between the outer eye corners.
    #[serde(alias = "interocular")]
    pub normalizer: Option<f64>,
    /// The scheme's second normalizer: on faces the distance between the eye centers.
    #[serde(alias = "interpupil")]
    pub normalizer_pupil: Option<f64>,
}

/// A picture with one face and its keypoints.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Unique in its dataset: the path of the picture below the dataset's folder without extension (and `#n` for a
    /// second face).
    pub id: String,
    /// The picture's file.
    pub path: PathBuf,
    /// Name of the person, where the dataset says it.
    pub subject: Option<String>,
    /// Pose or subset, for tables (`pose 1`, `helen/testset`).
    pub subset: Option<String>,
    /// The decoded picture, RGB (grey pictures repeat their channel); possibly shrunk.
    pub image: Arc<RgbImage>,
    /// Map from original pixels to the pixels of `image`; the identity where it was not shrunk or cut.
    pub to_image: Affine,
    /// The original picture's size.
    pub original: Size,
    /// The face's box, original pixels.
    pub face: Rect,
    /// Keypoints, original pixels.
    pub points: Keypoints,
    /// Lengths that errors are divided by.
    pub scale: Scale,
}

/// A face without its pixels.
#[derive(Clone, Debug)]
pub struct Annotation {
    /// Name of the sample, as in [`Sample::id`].
    pub id: String,
    /// The picture's file; within a pack, the pack's path and the sample's name below it.
    pub picture: PathBuf,
    /// Name of the person, where the dataset says it.
    pub subject: Option<String>,
    /// The face's box, original pixels.
    pub face: Rect,
    /// Keypoints, original pixels.
    pub points: Keypoints,
}

impl Annotation {
    /// The same face in other pixels.
    #[must_use]
    pub(crate) fn transformed(&self, map: &Affine) -> Self {
        let f = self.face;
        let ends = [Point::new(f.x, f.y), Point::new(f.x + f.width, f.y + f.height)].map(|p| map.apply(p));
        Self { face: Rect::around(&ends).unwrap_or(f), points: self.points.transformed(map), ..self.clone() }
    }
}

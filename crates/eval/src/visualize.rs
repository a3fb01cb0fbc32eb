//! Pictures of data, predictions, filters and feature maps.

pub mod faces;
pub mod maps;

pub use faces::{face_picture, overlay, view_picture};
pub use maps::{feature_grid, filter_grid, heat_picture};

use crate::{Error, Result};
use image::{
    ImageEncoder, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

/// The bytes of a PNG file.
///
/// # Errors
/// For a picture without pixels.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (w, h) = picture.dimensions();
    PngEncoder::new(&mut bytes)
        .write_image(picture, w, h, image::ExtendedColorType::Rgb8)
        .map_err(|e| Error::plot("a PNG", e))?;
    Ok(bytes)
}

/// The bytes of a JPEG file of quality 88.
///
/// # Errors
/// For a picture without pixels.
pub fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 88).encode_image(picture).map_err(|e| Error::plot("a JPEG", e))?;
    Ok(bytes)
}

/// Every pixel as a square of `times` pixels.
pub(crate) fn enlarge(picture: &RgbImage, times: u32) -> RgbImage {
    let (w, h) = picture.dimensions();
    image::imageops::resize(picture, w * times.max(1), h * times.max(1), image::imageops::FilterType::Nearest)
}

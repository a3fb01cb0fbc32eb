//! Pictures of data, predictions, filters and feature maps.

mod faces;
mod maps;

pub use faces::{face_picture, overlay, tracked};
pub(crate) use faces::{plain_view, view_picture};
pub(crate) use maps::{feature_grid, filter_grid, heat_picture, map_picture};

use crate::error::{Error, Result};
use image::{
    ImageEncoder, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

/// Encodes a picture as PNG.
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

/// Encodes a picture as JPEG of quality 88.
///
/// # Errors
/// For a picture without pixels.
pub(crate) fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    jpeg_of(picture, 88)
}

/// Encodes a picture as JPEG of a quality from 1 to 100.
///
/// # Errors
/// For a picture without pixels.
pub(crate) fn jpeg_of(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).map_err(|e| Error::plot("a JPEG", e))?;
    Ok(bytes)
}

/// Every pixel as a square of `times` pixels.
pub(crate) fn enlarge(picture: &RgbImage, times: u32) -> RgbImage {
    let (w, h) = picture.dimensions();
    image::imageops::resize(picture, w * times.max(1), h * times.max(1), image::imageops::FilterType::Nearest)
}

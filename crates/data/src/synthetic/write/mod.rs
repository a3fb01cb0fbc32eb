//! Rendered pictures as files, in folders that appear whole or not at all.

mod faces;
mod wings;

pub use faces::write_dataset;
pub use wings::{MOST_WING_POINTS, write_wings};

use crate::error::{Error, Result};
use candle_vision_helpers::Point;
use image::{ExtendedColorType, RgbImage, codecs::jpeg::JpegEncoder};
use std::{fs, path::Path};

/// The file that tells rendered pictures from photographs.
pub const MARKER: &str = "SYNTHETIC";
const QUALITY: u8 = 90;

/// Writes a JPEG file; a grey one has one channel, the picture's first.
fn picture(path: &Path, image: &RgbImage, grey: bool) -> Result<()> {
    let (w, h) = image.dimensions();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let encoded = if grey {
        let first: Vec<u8> = image.pixels().map(|p| p.0[0]).collect();
        encoder.encode(&first, w, h, ExtendedColorType::L8)
    } else {
        encoder.encode(image.as_raw(), w, h, ExtendedColorType::Rgb8)
    };
    encoded.map_err(|e| Error::Invalid(format!("{}: cannot encode the picture: {e}", path.display())))?;
    save(path, &bytes)
}

/// iBUG's points file: the first pixel's center is `(1, 1)`.
fn pts(points: &[Point]) -> String {
    let rows: String = points.iter().map(|p| format!("{:.3} {:.3}\n", p.x + 1.0, p.y + 1.0)).collect();
    format!("version: 1\nn_points: {}\n{{\n{rows}}}\n", points.len())
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|e| Error::io(path, e))
}

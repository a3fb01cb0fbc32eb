//! What decoding a TIFF takes, and what its tags say of its pixels (TIFF 6.0).

use super::fault::Fault;
use image::metadata::Orientation;
use std::io::Cursor;
use tiff::{
    TiffError,
    decoder::{ChunkType, Decoder},
    tags::Tag,
};

/// Tags of the first picture.
#[derive(Debug)]
pub(super) struct Tags {
    pub orientation: Option<Orientation>,
    /// Whether colors are already multiplied by their alpha.
    pub is_premultiplied: bool,
    /// Bytes that decoding takes besides the pixels.
    pub extra: u64,
}

/// Reads them, each at most 1 MiB long.
///
/// # Errors
/// When they break the format, or parts are compressed as JPEG: those say their own sizes, which nothing limits.
pub(super) fn tags(bytes: &[u8]) -> Result<Tags, Fault> {
    let said = |e: TiffError| Fault::unusual(e);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(said)?;
    let mut number = |tag: Tag| decoder.find_tag_unsigned::<u16>(tag).map_err(said);
    if let Some(6 | 7) = number(Tag::Compression)? {
        return Err(Fault::broken("a TIFF compressed as JPEG, which is not read"));
    }
    let orientation = number(Tag::Orientation)?.and_then(|n| Orientation::from_exif(u8::try_from(n).ok()?));
    let samples = u64::from(number(Tag::SamplesPerPixel)?.unwrap_or(1));
    let mut list = |tag: Tag| decoder.find_tag_unsigned_vec::<u16>(tag).map_err(said);
    // 1 is associated alpha, 2 is unassociated alpha.
    let is_premultiplied = list(Tag::ExtraSamples)?.is_some_and(|e| e.first() == Some(&1));
    let bits = u64::from(list(Tag::BitsPerSample)?.and_then(|b| b.into_iter().max()).unwrap_or(1));
    let (width, height) = decoder.dimensions().map_err(said)?;
    let row = |width: u32| u64::from(width).saturating_mul(samples * bits).div_ceil(8);
    // All pixels once more, and a row of a tile, which may be wider than the picture.
    let tile = if decoder.get_chunk_type() == ChunkType::Tile { decoder.chunk_dimensions().0 } else { width };
    let extra = row(width).saturating_mul(u64::from(height)).saturating_add(row(tile));
    Ok(Tags { orientation, is_premultiplied, extra })
}

//! What is there of a picture's file, found before anything is decoded, and what decoding takes.

use super::{fault::Fault, gif, header::Header, jpeg, kind::Kind, limits, png, tiff, webp};
use image::metadata::Orientation;
use std::borrow::Cow;

/// A file's bytes, with its end put right where that is missing.
#[derive(Debug)]
pub(super) struct Whole<'b> {
    pub bytes: Cow<'b, [u8]>,
    /// What is missing.
    pub lack: Option<String>,
    /// A JPEG's number of scans; 1 for all others.
    pub scans: usize,
    /// Bytes that decoding takes besides the pixels.
    pub extra: u64,
    /// As found on the way; JPEG and PNG leave it to the decoder.
    pub orientation: Option<Orientation>,
    pub is_premultiplied: bool,
}

/// Walks through the parts of a file.
///
/// # Errors
/// When they break its format so that nothing can be decoded.
pub(super) fn look<'b>(bytes: &'b [u8], header: &Header) -> Result<Whole<'b>, Fault> {
    let bytes = Cow::Borrowed(bytes);
    let mut whole = Whole { bytes, lack: None, scans: 1, extra: 0, orientation: None, is_premultiplied: false };
    let pixels = (header.size.width as u64).saturating_mul(header.size.height as u64);
    match header.kind {
        Kind::Jpeg => {
            let Some(frame) = &header.jpeg else { return Ok(whole) };
            let walk = jpeg::walk(&whole.bytes, frame)?;
            whole.scans = walk.scans;
            whole.extra = limits::coefficients(frame, walk.scans);
            if let Some(found) = walk.lack {
                whole.bytes.to_mut().truncate(found.keep);
                whole.lack = Some(found.what);
            }
            if !walk.ended {
                // Decoders drop rows that they read without an end behind them.
                whole.bytes.to_mut().extend([0xff, 0xd9]);
            }
        }
        Kind::Png => {
            if let Err(Fault::Broken(what)) = png::check(&whole.bytes) {
                whole.lack = Some(what);
                whole.bytes.to_mut().extend(png::END);
            }
        }
        Kind::WebP => {
            let walk = webp::walk(&whole.bytes, header.size)?;
            if let Some(cut) = walk.cut {
                webp::keep(whole.bytes.to_mut(), cut);
            }
            (whole.lack, whole.extra) = (walk.lack, walk.extra.saturating_mul(pixels));
            whole.orientation = Some(walk.orientation.unwrap_or(Orientation::NoTransforms));
        }
        Kind::Gif => {
            let walk = gif::walk(&whole.bytes, header.size)?;
            (whole.lack, whole.extra) = (walk.lack, walk.extra);
        }
        Kind::Tiff => {
            let tags = tiff::tags(&whole.bytes)?;
            (whole.extra, whole.is_premultiplied) = (tags.extra, tags.is_premultiplied);
            whole.orientation = Some(tags.orientation.unwrap_or(Orientation::NoTransforms));
        }
        Kind::Bmp => {}
    }
    Ok(whole)
}

//! Pictures from files, strictly: a picture that was cut short is an error, not a picture with a grey half.
//!
//! The decoder fills what is missing from a JPEG; so the file's markers are walked first, and it has to end as the
//! standards say: JPEG (ITU-T T.81, B.1.1) with its end-of-image marker, PNG with its `IEND` chunk.

use crate::{Error, Result};
use candle_vision_helpers::Size;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use std::{
    fs::{self, File},
    io::{BufReader, Cursor, Read},
    path::Path,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8";

/// Decodes a picture as it lies in the file, as RGB; grey repeats its channel. Annotations are in these pixels.
///
/// # Errors
/// When it cannot be read, is neither JPEG nor PNG, or is not whole.
pub fn load_picture(path: &Path) -> Result<RgbImage> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
    decode(&bytes).map(|(picture, _)| picture.into_rgb8()).map_err(|reason| broken(path, reason))
}

/// Like [`load_picture`], turned upright as the camera noted it (EXIF): for one's own photos, which have no annotation.
///
/// # Errors
/// As [`load_picture`].
pub fn load_photo(path: &Path) -> Result<RgbImage> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
    let (mut picture, orientation) = decode(&bytes).map_err(|reason| broken(path, reason))?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

/// Decodes a whole JPEG or PNG in memory.
///
/// # Errors
/// In words that follow "expected a whole JPEG or PNG picture, got".
pub(crate) fn decode(bytes: &[u8]) -> Result<(DynamicImage, image::metadata::Orientation), String> {
    check_end(bytes)?;
    let mut decoder = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?
        .into_decoder()
        .map_err(|e| e.to_string())?;
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    Ok((picture, orientation))
}

/// Width and height from the file's header; reads no more than that.
///
/// # Errors
/// When there is no such file, or it does not begin as a JPEG or PNG.
pub fn picture_size(path: &Path) -> Result<Size> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut reader = BufReader::new(file);
    let mut magic = [0; 2];
    let short = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => broken(path, "a file that ends within its header"),
        _ => Error::io(path, e),
    };
    if let Err(e) = reader.read_exact(&mut magic) {
        let empty = e.kind() == std::io::ErrorKind::UnexpectedEof && fs::metadata(path).is_ok_and(|m| m.len() == 0);
        return Err(if empty { broken(path, "an empty file") } else { short(e) });
    }
    let (width, height) = if magic == JPEG {
        jpeg_size(&mut reader).map_err(short)?.ok_or_else(|| broken(path, "a JPEG without a frame header"))?
    } else if magic == PNG[..2] {
        let mut header = [0; 22];
        reader.read_exact(&mut header).map_err(short)?;
        if header[..6] != PNG[2..] {
            return Err(broken(path, "neither JPEG nor PNG data"));
        }
        let side =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
        (side(14), side(18))
    } else {
        return Err(broken(path, "neither JPEG nor PNG data"));
    };
    if width == 0 || height == 0 {
        return Err(broken(path, format!("one of {width}x{height} pixels")));
    }
    Ok(Size::new(width, height))
}

fn broken(path: &Path, reason: impl Into<String>) -> Error {
    Error::Picture { path: path.into(), reason: reason.into() }
}

/// Walks the segments after the start of image up to the first frame header (SOF).
fn jpeg_size(reader: &mut BufReader<File>) -> std::io::Result<Option<(usize, usize)>> {
    let mut byte = [0; 1];
    loop {
        reader.read_exact(&mut byte)?;
        if byte[0] != 0xff {
            return Ok(None);
        }
        while byte[0] == 0xff {
            reader.read_exact(&mut byte)?;
        }
        let marker = byte[0];
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            continue;
        }
        let mut length = [0; 2];
        reader.read_exact(&mut length)?;
        let length = i64::from(u16::from_be_bytes(length));
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let mut frame = [0; 5];
            reader.read_exact(&mut frame)?;
            let side = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
            return Ok(Some((side(3), side(1))));
        }
        if length < 2 || matches!(marker, 0xd9 | 0xda) {
            return Ok(None);
        }
        reader.seek_relative(length - 2)?;
    }
}

/// Whether a JPEG or PNG goes on to its proper end.
fn check_end(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        Err("an empty file".into())
    } else if bytes.starts_with(JPEG) {
        jpeg_end(bytes)
    } else if bytes.starts_with(PNG) {
        png_end(bytes)
    } else {
        Err("neither JPEG nor PNG data".into())
    }
}

fn cut(bytes: &[u8], missing: &str) -> String {
    format!("one cut short: its {} bytes end before {missing}", bytes.len())
}

fn jpeg_end(bytes: &[u8]) -> Result<(), String> {
    let missing = || cut(bytes, "the end-of-image marker");
    let mut at = 2;
    loop {
        // A marker: FF, perhaps repeated as filling, then its code.
        if *bytes.get(at).ok_or_else(missing)? != 0xff {
            return Err(format!("a JPEG with stray data at byte {at}"));
        }
        while *bytes.get(at).ok_or_else(missing)? == 0xff {
            at += 1;
        }
        let marker = bytes[at];
        at += 1;
        match marker {
            0xd9 => return Ok(()),
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = bytes.get(at..at + 2).ok_or_else(missing)?;
        at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
        if marker == 0xda {
            // Compressed data: within it FF is followed by 0 or is a restart marker.
            loop {
                let rest = bytes.get(at..).ok_or_else(missing)?;
                at += rest.iter().position(|&b| b == 0xff).ok_or_else(missing)?;
                match bytes.get(at + 1).ok_or_else(missing)? {
                    0x00 | 0xd0..=0xd7 => at += 2,
                    0xff => at += 1,
                    _ => break,
                }
            }
        }
    }
}

fn png_end(bytes: &[u8]) -> Result<(), String> {
    let missing = || cut(bytes, "the IEND chunk");
    let mut at = PNG.len();
    loop {
        let head = bytes.get(at..at + 8).ok_or_else(missing)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at =
            at.checked_add(length).and_then(|a| a.checked_add(12)).filter(|&a| a <= bytes.len()).ok_or_else(missing)?;
        if &head[4..] == b"IEND" {
            return Ok(());
        }
    }
}

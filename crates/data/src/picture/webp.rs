//! Whether a WebP is there to the end of its first picture, and what decoding it takes (RFC 9649).

use super::fault::Fault;
use candle_vision_helpers::Size;
use image::metadata::Orientation;

/// As many first bytes as it takes to know the size.
pub(super) const HEADER: u64 = 30;
/// Where the flags of an extended file stand, and those that promise EXIF and XMP chunks.
const FLAGS: usize = 20;
const METADATA: u8 = 0b1100;
/// More pixels overflow the decoder's count of bytes.
const MOST: usize = 1 << 30;

/// What the chunks of a file say.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Where the first chunk begins that is not all there, if any is.
    pub cut: Option<usize>,
    /// What is missing of the picture, or of what was noted on it.
    pub lack: Option<String>,
    /// Bytes that decoding takes for each pixel, besides the pixels.
    pub extra: u64,
    pub orientation: Option<Orientation>,
}

/// The size that the first chunk says; `None` where it is cut short, or is none of those that say it.
pub(super) fn size(bytes: &[u8]) -> Option<Size> {
    let (name, chunk) = (bytes.get(12..16)?, bytes.get(20..)?);
    if name != b"VP8X" {
        return own_size(name, chunk);
    }
    let side = |at: usize| chunk.get(at..at + 3).map(|b| u32::from_le_bytes([b[0], b[1], b[2], 0]) as usize + 1);
    Some(Size::new(side(4)?, side(7)?))
}

/// The size in the header of a picture's own chunk.
fn own_size(name: &[u8], chunk: &[u8]) -> Option<Size> {
    match name {
        b"VP8L" => {
            let bits = u32::from_le_bytes(*chunk.get(1..)?.first_chunk()?);
            Some(Size::new((bits & 0x3fff) as usize + 1, (bits >> 14 & 0x3fff) as usize + 1))
        }
        b"VP8 " => {
            let side =
                |at: usize| chunk.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]) & 0x3fff));
            Some(Size::new(side(6)?, side(8)?))
        }
        _ => None,
    }
}

/// Walks the chunks.
///
/// # Errors
/// When a picture's size is not that of the file.
pub(super) fn walk(bytes: &[u8], size: Size) -> Result<Walk, Fault> {
    let mut walk = Walk::default();
    let number = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let end = number(4).map_or(bytes.len(), |n| bytes.len().min(n.saturating_add(8)));
    let (mut at, mut frames) = (12, 0);
    while at + 8 <= end {
        let (name, length) = (&bytes[at..at + 4], number(at + 4).unwrap_or(0));
        let Some(chunk) = bytes.get(at + 8..(at + 8).saturating_add(length)) else {
            walk.cut = Some(at);
            // Only the first frame of an animation is looked at.
            if name != b"ANMF" || frames == 0 {
                let (count, name) =
                    (bytes.len(), String::from_utf8_lossy(name).trim_end().escape_default().to_string());
                walk.lack = Some(format!("one cut short: its {count} bytes end within the chunk {name}"));
            }
            break;
        };
        match name {
            b"VP8 " | b"VP8L" => walk.picture(name, chunk, size)?,
            // With its data's own copy.
            b"ALPH" => walk.extra += 5,
            b"ANMF" => {
                if frames == 0 {
                    walk.first(chunk, size)?;
                }
                frames += 1;
            }
            b"EXIF" => {
                let exif = chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk);
                walk.orientation = walk.orientation.or_else(|| Orientation::from_exif_chunk(exif));
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    Ok(walk)
}

impl Walk {
    /// A picture by itself: the decoder takes memory for the size that stands there.
    fn picture(&mut self, name: &[u8], chunk: &[u8], most: Size) -> Result<(), Fault> {
        self.extra += if name == b"VP8L" { 5 } else { 2 };
        // What is too short for a header is named by the decoder.
        match own_size(name, chunk) {
            Some(s) if s.width > most.width || s.height > most.height => Err(Fault::Broken(format!(
                "a WebP of {}x{} pixels with a picture of {}x{}",
                most.width, most.height, s.width, s.height
            ))),
            _ => Ok(()),
        }
    }

    /// The first frame of an animation: a header of 16 bytes, and chunks of a picture.
    fn first(&mut self, chunk: &[u8], size: Size) -> Result<(), Fault> {
        if size.width.saturating_mul(size.height) >= MOST {
            return Err(Fault::Broken(format!("an animation of {}x{} pixels", size.width, size.height)));
        }
        // The frame and what it is drawn on.
        self.extra += 8;
        let mut rest = chunk.get(16..).unwrap_or_default();
        while let Some((head, data)) = rest.split_at_checked(8) {
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let data_end = length.min(data.len());
            match &head[..4] {
                b"ALPH" => self.extra += 5,
                name @ (b"VP8 " | b"VP8L") => self.picture(name, &data[..data_end], size)?,
                _ => {}
            }
            rest = data.get(length + length % 2..).unwrap_or_default();
        }
        Ok(())
    }
}

/// The part of a file before a cut, promising nothing that stood behind it.
pub(super) fn keep(bytes: &mut Vec<u8>, cut: usize) {
    bytes.truncate(cut);
    if bytes.get(12..16) == Some(b"VP8X")
        && let Some(flags) = bytes.get_mut(FLAGS)
    {
        *flags &= !METADATA;
    }
}

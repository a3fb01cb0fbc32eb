//! Whether a GIF is there to the end of its first frame, and what decoding that takes (GIF89a).

use super::{fault::Fault, limits};
use candle_vision_helpers::Size;

/// What stands before the first frame's end.
#[derive(Debug)]
pub(super) struct Walk {
    /// What is missing of the first frame.
    pub lack: Option<String>,
    /// Bytes that decoding takes besides the pixels.
    pub extra: u64,
}

/// Walks the blocks up to the end of the first frame.
///
/// # Errors
/// When there is no frame, or a larger one than is allowed.
pub(super) fn walk(bytes: &[u8], size: Size) -> Result<Walk, Fault> {
    let cut = |place: &str| format!("one cut short: its {} bytes end {place} its first frame", bytes.len());
    let Some(frame) = descriptor(bytes)? else { return Err(Fault::Broken(cut("before"))) };
    let side = |at: usize| usize::from(u16::from_le_bytes([frame.head[at], frame.head[at + 1]]));
    let own = Size::new(side(5), side(7));
    limits::check_pixels(own)?;
    // Indices into the palette, and the frame by itself where it is not the picture.
    let each = if own == size { 1 } else { 5 };
    // Behind the frame's own palette and the length of its first codes.
    let data = frame.at + 10 + palette(frame.head[9]) + 1;
    let lack = skip(bytes, data).is_none().then(|| cut("within"));
    Ok(Walk { lack, extra: (own.width * own.height) as u64 * each })
}

/// The first image descriptor: its ten bytes, and where they stand.
struct Descriptor<'b> {
    head: &'b [u8],
    at: usize,
}

/// `None` where the file ends before.
fn descriptor(bytes: &[u8]) -> Result<Option<Descriptor<'_>>, Fault> {
    let Some(&flags) = bytes.get(10) else { return Ok(None) };
    let mut at = 13 + palette(flags);
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(0x2c) => return Ok(bytes.get(at..at + 10).map(|head| Descriptor { head, at })),
            Some(0x21) => match skip(bytes, at + 2) {
                Some(next) => at = next,
                None => return Ok(None),
            },
            Some(0x3b) => return Err(Fault::broken("a GIF without a frame")),
            Some(_) => return Err(Fault::broken("a GIF with a block that breaks the format")),
        }
    }
}

/// Bytes of the palette that the flags announce.
fn palette(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where the blocks of data from `at` on end, each with its length before it and the last one of length 0.
fn skip(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*bytes.get(at)?) {
            0 => return Some(at + 1),
            length => at += 1 + length,
        }
    }
}

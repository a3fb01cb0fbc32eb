//! What a picture may cost: pixels, bytes of its file and memory, each checked before anything of that size is taken.

use super::{fault::Fault, header::Frame};
use crate::error::Result;
use candle_vision_helpers::Size;
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// How many pixels a picture may have unless [`set_max_pixels`] says otherwise: 256 · 2²⁰, those of 16384 × 16384.
pub const DEFAULT_MAX_PIXELS: u64 = 1 << 28;
/// Bytes of a file per pixel that is allowed, and of memory while it is decoded.
const FILE: u64 = 4;
const MEMORY: u64 = 8;
/// Bytes of a frame per pixel at most: three samples, and three colors.
const FRAME: u64 = 6;
/// From more pixels than this on, a picture is looked at in a smaller copy …
const LARGE: u64 = 1 << 26;
/// … that keeps at least this many.
const ENOUGH: u64 = 1 << 24;

static MAX_PIXELS: AtomicU64 = AtomicU64::new(DEFAULT_MAX_PIXELS);

/// Sets how many pixels a picture may have, for the whole program. Files may have 4 bytes, and decoding may take 8
/// bytes of memory, per pixel of that (and never less than at [`DEFAULT_MAX_PIXELS`]: 1 GiB and 2 GiB).
pub fn set_max_pixels(pixels: u64) {
    MAX_PIXELS.store(pixels, Ordering::Relaxed);
}

/// How many pixels a picture may have.
pub fn max_pixels() -> u64 {
    MAX_PIXELS.load(Ordering::Relaxed)
}

fn times(bytes: u64) -> u64 {
    max_pixels().max(DEFAULT_MAX_PIXELS).saturating_mul(bytes)
}

/// How many bytes a picture's file may have.
pub(super) fn max_file() -> u64 {
    times(FILE)
}

/// How many bytes decoding may take.
pub(super) fn max_memory() -> u64 {
    times(MEMORY)
}

fn pixels(size: Size) -> u64 {
    (size.width as u64).saturating_mul(size.height as u64)
}

pub(super) fn check_pixels(size: Size) -> Result<(), Fault> {
    let (got, most) = (pixels(size), max_pixels());
    if got <= most {
        return Ok(());
    }
    let got = format!("{}x{} = {got}", size.width, size.height);
    Err(Fault::TooLarge { expected: format!("a picture of {most} pixels at most (--max-pixels)"), got })
}

pub(super) fn check_file(bytes: u64) -> Result<(), Fault> {
    let most = max_file();
    if bytes <= most {
        return Ok(());
    }
    let expected = format!("a picture's file of {most} bytes at most (4 per pixel of --max-pixels)");
    Err(Fault::TooLarge { expected, got: if bytes == most + 1 { "more".into() } else { bytes.to_string() } })
}

/// Checks what decoding will take, and that the system gives it: an allocation that fails later would end the program.
pub(super) fn check_memory(bytes: u64) -> Result<(), Fault> {
    let most = max_memory();
    let refused =
        |expected: String| Err(Fault::TooLarge { expected, got: format!("a need of {bytes} bytes to decode it") });
    if bytes > most {
        return refused(format!("a picture that takes {most} bytes at most (8 per pixel of --max-pixels)"));
    }
    let room = usize::try_from(bytes).is_ok_and(|b| Vec::<u8>::new().try_reserve_exact(b).is_ok());
    if room { Ok(()) } else { refused("a picture that fits into the memory there is".into()) }
}

/// Checks a video's frame of this size, and the memory for its samples and its pixels, before either is taken.
pub(crate) fn check_frame(path: &Path, size: Size) -> Result<()> {
    let checked = check_pixels(size).and_then(|()| check_memory(pixels(size).saturating_mul(FRAME)));
    checked.map_err(|fault| fault.at(path))
}

/// By how much a picture is shrunk, 1, 2, 4 or 8: the most that leaves enough of a large one.
pub(super) fn shrinking(size: Size) -> u32 {
    let enough = |by: &u32| pixels(size) / u64::from(by * by) >= ENOUGH;
    if pixels(size) <= LARGE { 1 } else { [8, 4, 2].into_iter().find(enough).unwrap_or(1) }
}

/// What a decoder keeps of a JPEG's coefficients, 2 bytes each: one in several scans is decoded when all are there.
pub(super) fn coefficients(frame: &Frame, scans: usize) -> u64 {
    if scans < 2 && !frame.is_progressive() {
        return 0;
    }
    let along = |side: usize, most: usize| side.next_multiple_of(8 * most) as u64 / most as u64;
    let (across, down) = (along(frame.size.width, frame.most_across()), along(frame.size.height, frame.most_down()));
    let samples = frame.components.iter().map(|c| (c.across * c.down) as u64 * across * down);
    samples.sum::<u64>() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_pictures_are_shrunk_and_stay_large_enough() {
        // 50 megapixels of a phone, 108 of another, 200 of a third, 900 of a scan.
        let sizes = [(8192, 6144, 1), (12000, 9000, 2), (16320, 12240, 2), (16384, 16384, 4), (30000, 30000, 4)];
        for (width, height, by) in sizes {
            assert_eq!(shrinking(Size::new(width, height)), by, "{width}x{height}");
        }
        assert_eq!(shrinking(Size::new(65535, 65535)), 8);
    }
}

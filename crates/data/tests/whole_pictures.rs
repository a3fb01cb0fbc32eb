//! A picture that lacks blocks is no data, whatever it ends with; as a user's own photo it is shown as far as it goes.
//!
//! The pictures were rendered from formulas and encoded by libjpeg-turbo 3 through Pillow.

use facekp_data::picture::{Picture, load_photo, load_picture};
use image::{ImageFormat, RgbImage};
use std::{fs, io::Cursor};

const JPEGS: [(&str, &[u8]); 8] = [
    ("baseline 4:4:4", include_bytes!("pictures/baseline_444.jpg")),
    ("baseline 4:2:0", include_bytes!("pictures/baseline_420.jpg")),
    ("restart markers 4:2:0", include_bytes!("pictures/restart_420.jpg")),
    ("progressive 4:2:0", include_bytes!("pictures/progressive_420.jpg")),
    ("progressive, restart markers, 4:2:2", include_bytes!("pictures/progressive_restart_422.jpg")),
    ("progressive grey", include_bytes!("pictures/progressive_grey.jpg")),
    ("CMYK", include_bytes!("pictures/cmyk.jpg")),
    ("progressive CMYK", include_bytes!("pictures/progressive_cmyk.jpg")),
];
const END: [u8; 2] = [0xff, 0xd9];

fn loaded<T>(bytes: &[u8], load: impl Fn(&std::path::Path) -> T) -> T {
    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap());
    let path = FOLDER.with(|f| f.path().join("p.jpg"));
    fs::write(&path, bytes).unwrap();
    load(&path)
}

fn data(bytes: &[u8]) -> Result<RgbImage, String> {
    loaded(bytes, load_picture).map(|p| p.image.as_ref().clone()).map_err(|e| e.to_string())
}

fn photo(bytes: &[u8]) -> Result<Picture, String> {
    loaded(bytes, load_photo).map_err(|e| e.to_string())
}

/// What the decoder under ours makes of these bytes.
fn plain(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().into_rgb8()
}

#[test]
fn whole_pictures_keep_every_bit_of_the_decoder() {
    for (name, bytes) in JPEGS {
        assert_eq!(data(bytes).unwrap(), plain(bytes), "{name}");
        assert_eq!(photo(bytes).unwrap().lack, None, "{name}");
    }
}

/// Each JPEG, cut at every seventh byte, with and without an end marker glued on: refused, or all of its pixels are
/// there.
#[test]
fn no_cut_gives_other_pixels() {
    for (name, bytes) in JPEGS {
        let whole = plain(bytes);
        for at in (2..bytes.len() - 40).step_by(7).chain(bytes.len() - 40..bytes.len()) {
            for end in [&END[..], &[]] {
                match data(&[&bytes[..at], end].concat()) {
                    Ok(picture) => assert!(picture == whole, "{name}: other pixels from {at} bytes and {end:?}"),
                    Err(e) => assert_eq!(e.lines().count(), 1, "{e}"),
                }
            }
        }
        let (half, end) = (&bytes[..bytes.len() * 85 / 100], &END[..]);
        let e = data(&[half, end].concat()).unwrap_err();
        assert!(
            e.contains("p.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got one cut short"),
            "{name}: {e}"
        );
    }
}

#[test]
fn a_missing_end_marker_alone_is_no_lack() {
    for (name, bytes) in JPEGS {
        assert!(bytes.ends_with(&END));
        let cut = &bytes[..bytes.len() - 2];
        assert_eq!(data(cut).unwrap(), plain(bytes), "{name}");
        assert_eq!(photo(cut).unwrap().lack, None, "{name}");
    }
}

/// A flat picture's last rows are a few bytes, which decoders have read, and drop, when the file ends there.
#[test]
fn flat_pictures_without_an_end_marker_keep_their_last_rows() {
    let flat = RgbImage::from_pixel(64, 64, image::Rgb([200, 30, 90]));
    let mut bytes = Cursor::new(Vec::new());
    flat.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    let bytes = bytes.into_inner();
    assert_eq!(data(&bytes[..bytes.len() - 2]).unwrap(), plain(&bytes));
}

#[test]
fn a_photo_with_missing_blocks_is_shown_as_far_as_it_goes() {
    for (name, bytes) in JPEGS {
        // Behind most of the headers; the first rows are whole there.
        let cut = &bytes[..bytes.len() * 85 / 100];
        for end in [&END[..], &[]] {
            let photo = photo(&[cut, end].concat()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let lack = photo.lack.unwrap();
            assert!(lack.starts_with("one cut short: its "), "{name}: {lack}");
            assert_eq!(photo.image.dimensions(), (53, 37), "{name}");
        }
    }
    let (_, bytes) = JPEGS[1];
    let photo = photo(&bytes[..bytes.len() - 150]).unwrap();
    let first = |p: &RgbImage| p.as_raw()[..53 * 3 * 8].to_vec();
    assert_eq!(first(&photo.image), first(&plain(bytes)));
}

#[test]
fn a_photo_without_a_single_block_is_refused() {
    for (name, bytes) in JPEGS {
        let scan = bytes.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
        for at in [2, scan, scan + 5] {
            let e = photo(&[&bytes[..at], &END].concat()).unwrap_err();
            assert!(e.contains("expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got "), "{name}: {e}");
        }
    }
}

/// Restart markers make it possible to lose blocks in the middle.
#[test]
fn a_lost_restart_interval_is_named() {
    let (_, bytes) = JPEGS[2];
    let marker = |n: u8| bytes.windows(2).position(|w| w == [0xff, 0xd0 + n]).unwrap();
    let lost = [&bytes[..marker(1)], &bytes[marker(2)..]].concat();
    let e = data(&lost).unwrap_err();
    assert!(e.contains("restart marker 2 stands out of turn after 4 of 12 blocks"), "{e}");
    assert!(photo(&lost).unwrap().lack.is_some());
}

/// A PNG of 53 x 37, and one that is whole by its chunks but has only the first `part` of its compressed pixels.
fn png(part: f64) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    plain(JPEGS[0].1).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let bytes = bytes.into_inner();
    let at = bytes.windows(4).position(|w| w == b"IDAT").unwrap();
    let length = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    let kept = (length as f64 * part) as usize;
    let mut chunk = b"IDAT".to_vec();
    chunk.extend(&bytes[at + 4..at + 4 + kept]);
    let mut sum = flate2::Crc::new();
    sum.update(&chunk);
    let end = bytes.windows(4).rposition(|w| w == b"IEND").unwrap() - 4;
    let head = [&bytes[..at - 4], &(kept as u32).to_be_bytes(), &chunk, &sum.sum().to_be_bytes()].concat();
    [&head, &bytes[end..]].concat()
}

#[test]
fn a_png_with_missing_pixels_is_refused_whatever_it_ends_with() {
    let whole = png(1.0);
    assert_eq!(data(&whole).unwrap(), plain(JPEGS[0].1));
    for part in [0.1, 0.55, 0.9] {
        for result in [data(&png(part)), photo(&png(part)).map(|p| p.image.as_ref().clone())] {
            let e = result.unwrap_err();
            assert!(e.contains("p.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got "), "{e}");
        }
    }
    for at in (9..whole.len() - 40).step_by(7).chain(whole.len() - 40..whole.len()) {
        let cut = [&whole[..at], b"\0\0\0\0IEND\xaeB`\x82".as_slice()].concat();
        match data(&cut) {
            Ok(picture) => assert!(picture == plain(&whole), "other pixels from {at} bytes"),
            Err(e) => assert_eq!(e.lines().count(), 1, "{e}"),
        }
    }
    let lack = photo(&whole[..whole.len() - 12]).unwrap().lack.unwrap();
    assert!(lack.contains("bytes end before the IEND chunk"), "{lack}");
}

//! A WebP, BMP, GIF or TIFF that was cut short is no data; what each may cost is limited.

use crate::kinds::loaded;
use candle_vision_helpers::{Point, Size};
use facekp_data::picture::{load_photo, load_picture, picture_size};
use image::{ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

fn drawn() -> RgbImage {
    RgbImage::from_fn(53, 37, |x, y| Rgb([x as u8 / 4 * 18, y as u8 / 4 * 25, 60]))
}

fn written(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    drawn().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("lossy WebP", include_bytes!("pictures/lossy.webp").to_vec()),
        ("lossy WebP with alpha", include_bytes!("pictures/lossy_alpha.webp").to_vec()),
        ("WebP with EXIF", include_bytes!("pictures/turned.webp").to_vec()),
        ("lossless WebP", written(ImageFormat::WebP)),
        ("BMP", written(ImageFormat::Bmp)),
        ("GIF", written(ImageFormat::Gif)),
        ("TIFF", written(ImageFormat::Tiff)),
        ("LZW", include_bytes!("pictures/lzw.tif").to_vec()),
        ("deflate", include_bytes!("pictures/deflate.tif").to_vec()),
        ("fax", include_bytes!("pictures/fax.tif").to_vec()),
        ("16 bit", include_bytes!("pictures/turned_grey16.tif").to_vec()),
    ]
}

/// Refused, or all pixels are there: where what is missing only stood behind them.
#[test]
fn no_cut_of_any_kind_gives_other_pixels() {
    for (name, bytes) in all() {
        let whole = loaded(&bytes, load_picture).unwrap().image;
        let mut refused = 0;
        for at in (1..bytes.len()).step_by(bytes.len() / 60 + 1).chain(bytes.len() - 9..bytes.len()) {
            match loaded(&bytes[..at], load_picture) {
                Ok(picture) => assert_eq!(picture.image, whole, "{name}: other pixels from {at} bytes"),
                Err(e) => {
                    assert!(e.contains("p.jpg: expected a whole ") && e.lines().count() == 1, "{name}: {e}");
                    refused += 1;
                }
            }
            let photo = loaded(&bytes[..at], load_photo);
            assert!(photo.is_err_and(|e| e.lines().count() == 1) || at > 60, "{name}: a photo from {at} bytes");
        }
        assert!(refused > 40, "{name}: {refused}");
        let half = loaded(&bytes[..bytes.len() / 2], load_picture).unwrap_err();
        assert!(half.contains("got one cut short: its "), "{name}: {half}");
    }
}

/// A BMP begins with its last row. WebP and TIFF decoders give nothing of what they have.
#[test]
fn photos_of_bmp_and_gif_go_as_far_as_they_do() {
    for (format, first) in [(ImageFormat::Bmp, 36), (ImageFormat::Gif, 0)] {
        let bytes = written(format);
        let photo = loaded(&bytes[..bytes.len() * 7 / 10], load_photo).unwrap();
        assert!(photo.lack.unwrap().starts_with("one cut short: its "), "{format:?}");
        let row = |p: &RgbImage| p.rows().nth(first).unwrap().copied().collect::<Vec<_>>();
        assert_eq!(row(&photo.image), row(&drawn()), "{format:?}");
    }
    for format in [ImageFormat::WebP, ImageFormat::Tiff] {
        let bytes = written(format);
        let e = loaded(&bytes[..bytes.len() * 7 / 10], load_photo).unwrap_err();
        assert!(e.contains("got one cut short: its "), "{e}");
    }
}

/// All pixels stand before a WebP's notes, and a photo without them is whole enough.
#[test]
fn a_photo_without_the_end_of_its_notes_is_shown() {
    let bytes = include_bytes!("pictures/turned.webp");
    let mut long = bytes.to_vec();
    let at = long.windows(4).position(|w| w == b"EXIF").unwrap();
    long[at + 4..at + 8].fill(0xff);
    for damaged in [&bytes[..bytes.len() - 4], &long] {
        let photo = loaded(damaged, load_photo).unwrap();
        assert!(photo.lack.unwrap().ends_with("bytes end within the chunk EXIF"));
        assert_eq!(photo.image, loaded(bytes, load_picture).unwrap().image);
        assert!(loaded(damaged, load_picture).unwrap_err().contains("end within the chunk EXIF"));
    }
}

/// The same file with 65535 x 65535 in its header.
fn huge(format: ImageFormat) -> Vec<u8> {
    let mut bytes = written(format);
    match format {
        ImageFormat::Bmp => [18, 22].map(|at| bytes[at..at + 4].copy_from_slice(&65535_u32.to_le_bytes())).len(),
        ImageFormat::Gif => bytes[6..10].iter_mut().map(|b| *b = 0xff).count(),
        ImageFormat::Tiff => {
            // Tags 256, 257 and 278 (rows of a strip): one number of 32 bits each.
            let tag = |n: u8| [n, 1, 4, 0, 1, 0, 0, 0];
            let places = [0, 1, 22].map(|n| bytes.windows(8).position(|w| w == tag(n)).unwrap() + 8);
            places.map(|at| bytes[at..at + 4].copy_from_slice(&65535_u32.to_le_bytes())).len()
        }
        _ => {
            bytes = include_bytes!("pictures/turned.webp").to_vec();
            bytes[24..30].copy_from_slice(&[0xfe, 0xff, 0, 0xfe, 0xff, 0]);
            1
        }
    };
    bytes
}

#[test]
fn too_many_pixels_are_refused_from_every_header() {
    for format in [ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
        let bytes = huge(format);
        let all = [load_picture, load_photo].map(|load| loaded(&bytes, load).unwrap_err());
        for e in all.into_iter().chain([loaded(&bytes, picture_size).unwrap_err()]) {
            let expected = "of 268435456 pixels at most (--max-pixels), got 65535x65535 = 4294836225";
            assert!(e.ends_with(expected), "{format:?}: {e}");
        }
    }
}

/// The decoders take memory for a frame before they compare it with its picture.
#[test]
fn a_frame_larger_than_its_picture_is_refused() {
    let mut gif = written(ImageFormat::Gif);
    let at = gif.windows(9).position(|w| w == [0x2c, 0, 0, 0, 0, 53, 0, 37, 0]).unwrap();
    gif[at + 5..at + 9].fill(0xff);
    let e = loaded(&gif, load_photo).unwrap_err();
    assert!(e.contains("268435456 pixels at most (--max-pixels), got 65535x65535"), "{e}");
    let mut webp = include_bytes!("pictures/lossy_alpha.webp").to_vec();
    let at = webp.windows(3).position(|w| w == [0x9d, 0x01, 0x2a]).unwrap();
    webp[at + 3..at + 7].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    let e = loaded(&webp, load_photo).unwrap_err();
    assert!(e.ends_with("got a WebP of 53x37 pixels with a picture of 16383x16383"), "{e}");
}

/// A tile's row is taken by itself, however little of it belongs to the picture.
#[test]
fn memory_for_a_wide_tile_is_refused_before_it_is_taken() {
    let tags: [[u32; 3]; 11] = [
        [256, 4, 8],
        [257, 4, 8],
        [258, 3, 8],
        [259, 3, 1],
        [262, 3, 2],
        [277, 3, 4],
        [322, 4, 0xffff_fff0],
        [323, 4, 8],
        [324, 4, 8],
        [325, 4, 64],
        [338, 3, 0],
    ];
    let mut tiff = b"II*\0\x08\0\0\0\x0b\0".to_vec();
    for [tag, kind, value] in tags {
        let half = |n: u32| (n as u16).to_le_bytes();
        tiff.extend([&half(tag)[..], &half(kind), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat());
    }
    tiff.extend([0; 300]);
    let e = loaded(&tiff, load_photo).unwrap_err();
    assert!(e.contains("a picture that takes 2147483648 bytes at most"), "{e}");
}

/// 72 megapixels in two colors, a bit for each; the third row from below is white.
#[test]
fn a_large_picture_of_another_kind_is_shrunk() {
    let (width, height) = (9001_u32, 8003_u32);
    let stride = width.div_ceil(32) * 4;
    let head = [40, width, height, 1 | 1 << 16, 0, 0, 0, 0, 2, 0, 0, 0xff_ffff];
    let mut bmp = [&b"BM"[..], &[0; 8], &62_u32.to_le_bytes()].concat();
    head.iter().for_each(|n| bmp.extend(n.to_le_bytes()));
    bmp.resize(62 + (stride * height) as usize, 0);
    bmp[62 + 2 * stride as usize..][..stride as usize].fill(0xff);
    let picture = loaded(&bmp, load_picture).unwrap();
    assert_eq!((picture.original, picture.image.dimensions()), (Size::new(9001, 8003), (4501, 4002)));
    let bright = picture.to_image.apply(Point::new(4000.0, f64::from(height) - 3.0));
    let value = |y: f64| picture.image.get_pixel(bright.x.round() as u32, y.round() as u32).0[0];
    assert!(value(bright.y) > 60 && value(bright.y - 2.0) == 0, "{} {}", value(bright.y), value(bright.y - 2.0));
}

//! WebP, BMP, GIF and TIFF follow the rules of JPEG and PNG; what is not read is refused by its name.
//!
//! The files were written by Pillow 13 (libwebp, libtiff) from [`drawn`]'s formula.

use candle_vision_helpers::Size;
use facekp_data::picture::{Picture, load_photo, load_picture, picture_size};
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage, codecs::png::PngEncoder};
use std::{fs, io::Cursor, path::Path};

const WEBP: [&[u8]; 4] = [
    include_bytes!("pictures/lossy.webp"),
    include_bytes!("pictures/lossy_alpha.webp"),
    include_bytes!("pictures/turned.webp"),
    include_bytes!("pictures/animated.webp"),
];
const LZW: &[u8] = include_bytes!("pictures/lzw.tif");
const DEFLATE: &[u8] = include_bytes!("pictures/deflate.tif");
const FAX: &[u8] = include_bytes!("pictures/fax.tif");
const GREY_JPEG: &[u8] = include_bytes!("pictures/grey_jpeg.tif");
const TURNED_GREY16: &[u8] = include_bytes!("pictures/turned_grey16.tif");

fn drawn() -> RgbImage {
    let check = |x: u32, y: u32| (60 + 120 * ((x / 8 + y / 8) % 2)) as u8;
    RgbImage::from_fn(53, 37, |x, y| Rgb([x as u8 / 4 * 18, y as u8 / 4 * 25, check(x, y)]))
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The name says JPEG, whatever it is.
pub(crate) fn loaded<T>(bytes: &[u8], load: impl Fn(&Path) -> facekp_data::Result<T>) -> Result<T, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.jpg");
    fs::write(&path, bytes).unwrap();
    load(&path).map_err(|e| e.to_string())
}

fn pixels(picture: &Picture) -> RgbImage {
    picture.image.as_ref().clone()
}

/// Largest mean difference of a channel, levels.
fn off(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: f64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    sum / a.as_raw().len() as f64
}

#[test]
fn every_kind_is_decoded_by_its_contents() {
    let others = [ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff];
    let own = others.map(|format| written(drawn(), format));
    for bytes in own.iter().map(Vec::as_slice).chain([LZW, DEFLATE, WEBP[2], WEBP[3]]) {
        assert_eq!(loaded(bytes, picture_size).unwrap(), Size::new(53, 37));
        let picture = loaded(bytes, load_picture).unwrap();
        assert_eq!(pixels(&picture), drawn());
        assert_eq!(picture.lack, None);
    }
    let lossy = loaded(WEBP[0], load_picture).unwrap();
    assert!(off(&pixels(&lossy), &drawn()) < 8.0, "{}", off(&pixels(&lossy), &drawn()));
    let fax = pixels(&loaded(FAX, load_picture).unwrap());
    assert!(fax.pixels().all(|p| matches!(p.0, [0, 0, 0] | [255, 255, 255])));
    assert_eq!((fax.get_pixel(0, 0).0, fax.get_pixel(50, 35).0), ([0; 3], [255; 3]));
}

/// 16 bits become 8 by the nearest one.
#[test]
fn sixteen_bits_are_read() {
    let deep = image::ImageBuffer::from_fn(64, 16, |x, y| Rgb([(x * 1000) as u16, (y * 4000) as u16, 40000_u16]));
    let expected =
        RgbImage::from_fn(
            64,
            16,
            |x, y| Rgb([x * 1000, y * 4000, 40000].map(|v| (f64::from(v) / 257.0).round() as u8)),
        );
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let bytes = written(DynamicImage::ImageRgb16(deep.clone()), format);
        assert_eq!(pixels(&loaded(&bytes, load_picture).unwrap()), expected, "{format:?}");
    }
    let grey = pixels(&loaded(TURNED_GREY16, load_picture).unwrap());
    let value = |x: u32, y: u32| (f64::from(x / 4 * 4000 + y / 4 * 400) / 257.0).round() as u8;
    assert_eq!(grey, RgbImage::from_fn(53, 37, |x, y| Rgb([value(x, y); 3])));
}

#[test]
fn what_is_transparent_shows_white_in_every_kind() {
    let half = RgbaImage::from_fn(8, 4, |x, _| Rgba([200, 40, 0, if x < 4 { 0 } else { 255 }]));
    let expected = RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([255; 3]) } else { Rgb([200, 40, 0]) });
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
        assert_eq!(pixels(&loaded(&written(half.clone(), format), load_photo).unwrap()), expected, "{format:?}");
    }
    let lossy = pixels(&loaded(WEBP[1], load_picture).unwrap());
    let left = image::imageops::crop_imm(&lossy, 0, 0, 16, 37).to_image();
    assert!(left.pixels().all(|p| p.0 == [255; 3]));
    let right = |p: &RgbImage| image::imageops::crop_imm(p, 16, 0, 37, 37).to_image();
    assert!(off(&right(&lossy), &right(&drawn())) < 8.0);
}

/// Orientation 6 in EXIF (WebP; PNG, whose chunk `eXIf` is of its third edition) and in TIFF's own tag.
#[test]
fn photos_of_every_kind_that_tells_are_turned_upright() {
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif.clone()).unwrap();
    drawn().write_with_encoder(encoder).unwrap();
    // ImageMagick repeats the mark of a JPEG's segment in a WebP.
    let at = WEBP[2].windows(4).position(|w| w == b"EXIF").unwrap();
    let marked = [&WEBP[2][..at], b"EXIF\x20\0\0\0Exif\0\0", &exif].concat();
    for bytes in [WEBP[2], TURNED_GREY16, &png, &marked] {
        let (data, photo) = (loaded(bytes, load_picture).unwrap(), loaded(bytes, load_photo).unwrap());
        assert_eq!((data.orientation, photo.orientation), (6, 6));
        assert_eq!(data.image.dimensions(), (53, 37));
        assert_eq!(pixels(&photo), image::imageops::rotate90(data.image.as_ref()));
        assert_eq!((photo.lack, photo.original), (None, Size::new(37, 53)));
    }
}

#[test]
fn only_the_first_frame_is_looked_at() {
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    let frame = |p: RgbImage| image::Frame::new(DynamicImage::ImageRgb8(p).into_rgba8());
    encoder.encode_frames([drawn(), image::imageops::flip_vertical(&drawn())].map(frame)).unwrap();
    drop(encoder);
    for bytes in [WEBP[3], &gif] {
        assert_eq!(pixels(&loaded(bytes, load_picture).unwrap()), drawn());
        // The second frame is of no use here, nor is its loss.
        let cut = loaded(&bytes[..bytes.len() - 60], load_picture).unwrap();
        assert_eq!((pixels(&cut), cut.lack), (drawn(), None));
    }
}

#[test]
fn what_is_not_read_is_refused_by_its_name() {
    let expected = "p.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got ";
    let cases: [(&[u8], &str); 5] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC one, which is not read: convert it to JPEG or PNG first"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1miaf", "an AVIF one, which is not read: convert it to JPEG or PNG first"),
        (GREY_JPEG, "a TIFF compressed as JPEG, which is not read"),
        (b"%PDF-1.7", "data of none of these kinds"),
        (b"GIF89a\x08\0\x08\0\0\0\0;", "a GIF without a frame"),
    ];
    for (bytes, reason) in cases {
        for load in [load_picture, load_photo] {
            let e = loaded(bytes, load).unwrap_err();
            assert!(e.ends_with(&format!("{expected}{reason}")), "{e}");
        }
    }
}

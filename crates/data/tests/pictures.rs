//! Pictures that are whole are decoded; all others are named as what they are.

use candle_vision_helpers::Size;
use facekp_data::picture::{load_photo, load_picture, picture_size};
use image::{ImageFormat, RgbImage, codecs::jpeg::JpegEncoder};
use proptest::prelude::*;
use std::{fs, io::Cursor, path::PathBuf};

fn picture() -> RgbImage {
    RgbImage::from_fn(40, 24, |x, y| image::Rgb([(x * 6) as u8, (y * 10) as u8, ((x * y) % 251) as u8]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// What loading these bytes says, or `None` where it works.
fn complaint(bytes: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("p.jpg");
    fs::write(&path, bytes).unwrap();
    load_picture(&path).err().map(|e| e.to_string())
}

#[test]
fn whole_pictures_load() {
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in [(ImageFormat::Jpeg, "p.jpg"), (ImageFormat::Png, "p.png")] {
        let path = folder.path().join(name);
        fs::write(&path, encoded(format)).unwrap();
        assert_eq!(picture_size(&path).unwrap(), Size::new(40, 24));
        assert_eq!(load_picture(&path).unwrap().image.dimensions(), (40, 24));
    }
    assert_eq!(*load_picture(&folder.path().join("p.png")).unwrap().image, picture());
}

#[test]
fn grey_pictures_repeat_their_channel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.png");
    let grey = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(x * 9 + y) as u8]));
    grey.save(&path).unwrap();
    assert_eq!(load_picture(&path).unwrap().image.get_pixel(3, 2).0, [29; 3]);
}

#[test]
fn what_is_broken_is_named() {
    let jpeg = encoded(ImageFormat::Jpeg);
    let png = encoded(ImageFormat::Png);
    let cases: [(&[u8], &str); 7] = [
        (b"", "an empty file"),
        (b"no picture....", "data of none of these kinds"),
        (&jpeg[..jpeg.len() / 2], "one cut short"),
        (&jpeg[..20], "bytes end within its header"),
        (&jpeg[..jpeg.len() - 200], "one cut short: its data end after "),
        (&png[..png.len() - 12], "bytes end before the IEND chunk"),
        (&png[..20], "one cut short"),
    ];
    for (bytes, expected) in cases {
        let text = complaint(bytes).expect(expected);
        assert!(
            text.contains("p.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got ")
                && text.contains(expected),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
    let missing = load_picture(&PathBuf::from("missing.jpg")).unwrap_err().to_string();
    assert!(missing.starts_with("missing.jpg: "), "{missing}");
}

/// EXIF says "turn by 90°" (orientation 6): own photos are turned, annotated pictures are not.
#[test]
fn photos_are_turned_upright() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.jpg");
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    // TIFF header, one entry: tag 0x0112, type SHORT, count 1, value 6.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif).unwrap();
    picture().write_with_encoder(encoder).unwrap();
    fs::write(&path, bytes).unwrap();
    assert_eq!(load_picture(&path).unwrap().image.dimensions(), (40, 24));
    assert_eq!(load_photo(&path).unwrap().image.dimensions(), (24, 40));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn altered_bytes_never_panic(at in 0.0..1.0f64, value: u8) {
        for mut bytes in [encoded(ImageFormat::Jpeg), encoded(ImageFormat::Png)] {
            let at = (at * bytes.len() as f64) as usize;
            bytes[at] = value;
            complaint(&bytes);
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("p.jpg"), &bytes).unwrap();
            picture_size(&folder.path().join("p.jpg")).ok();
        }
    }
}

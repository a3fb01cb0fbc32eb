//! Pictures beside annotations: names in any spelling are found, and a camera's orientation is named.

use facekp_data::{
    check,
    datasets::pts_folder,
    is_photo, is_picture, open_kind,
    picture::{load_photo, load_picture},
    pictures_in,
    synthetic::{self, FaceSet},
};
use image::{RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SPELLINGS: [&str; 11] = ["jpg", "JPG", "Jpg", "jpeg", "Jpeg", "jpe", "JPE", "jfif", "JFIF", "Jfif", "jpG"];

/// Four rendered pictures of a scheme.
fn rendered(points: FaceSet) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write_dataset(points, 4, folder.path(), 0).unwrap();
    folder
}

/// All files below a folder that end in `.ext`, sorted.
fn with_extension(dir: &Path, ext: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(with_extension(&path, ext));
        } else if path.extension().is_some_and(|e| e == ext) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A JPEG with an EXIF segment: TIFF header, one entry, tag 0x0112, type SHORT, count 1.
fn turned(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    let exif = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]];
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif.concat()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

#[test]
fn pictures_are_known_by_every_spelling() {
    for spelling in SPELLINGS.iter().chain(&["png", "Png", "webp", "BMP", "gif", "tif", "Tiff"]) {
        let path = Path::new("a.b").with_extension(spelling);
        assert!(is_picture(&path) && is_photo(&path), "{spelling}");
    }
    for other in ["a.psd", "a.jpg.txt", "jpg", "a.heic", "a"] {
        assert!(!is_picture(Path::new(other)), "{other}");
    }
}

/// What a phone wrote gets an answer in a folder of photos, and is no picture of a dataset.
#[test]
fn photos_of_kinds_that_are_not_read_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.HEIC", "b.avif", "c.heif", "d.jpg", "e.webp", "f.txt", "g.hif"];
    names.iter().for_each(|name| fs::write(folder.path().join(name), b"").unwrap());
    let listed = pictures_in(folder.path()).unwrap();
    let listed: Vec<_> = listed.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(listed, ["a.HEIC", "b.avif", "c.heif", "d.jpg", "e.webp", "g.hif"]);
    assert!(["a.HEIC", "b.avif", "c.heif", "g.hif"].iter().all(|name| !is_picture(Path::new(name))));
}

#[test]
fn points_files_find_their_picture_in_every_spelling() {
    let folder = rendered(FaceSet::Ibug);
    let points = with_extension(folder.path(), "pts").remove(0);
    let dir = tempfile::tempdir().unwrap();
    for (i, spelling) in SPELLINGS.iter().enumerate() {
        let name = dir.path().join(format!("face{i}.pts"));
        fs::copy(&points, &name).unwrap();
        fs::copy(points.with_extension("jpg"), name.with_extension(spelling)).unwrap();
    }
    let all = open_kind(dir.path(), pts_folder::KIND).unwrap();
    assert_eq!(all.len(), SPELLINGS.len());
    for i in 0..all.len() {
        all.get(i).unwrap();
    }
}

#[test]
fn asf_files_find_their_picture_in_every_spelling() {
    let folder = rendered(FaceSet::Imm);
    let shapes = with_extension(folder.path(), "asf");
    for (shape, spelling) in shapes.iter().zip(["Jpg", "jpe", "jfif", "JFIF"]) {
        let picture = shape.with_extension(spelling);
        fs::rename(shape.with_extension("jpg"), &picture).unwrap();
        let text = fs::read_to_string(shape).unwrap();
        fs::write(shape, text.replace(".jpg", &format!(".{spelling}"))).unwrap();
    }
    assert!(check(folder.path()).unwrap().problems.is_empty());
    // A picture without an annotation is one in any spelling.
    fs::copy(shapes[0].with_extension("Jpg"), folder.path().join("alone.JFIF")).unwrap();
    let problems = check(folder.path()).unwrap().problems;
    assert!(problems.len() == 1 && problems[0].to_string().contains("alone.JFIF"), "{problems:?}");
}

#[test]
fn annotated_pictures_with_an_orientation_are_named_in_every_format() {
    for points in [FaceSet::Imm, FaceSet::Ibug] {
        let folder = rendered(points);
        let pictures = with_extension(folder.path(), "jpg");
        assert!(check(folder.path()).unwrap().warnings.is_empty());
        for (path, orientation) in pictures.iter().zip([6, 1, 3]) {
            let picture = image::open(path).unwrap().into_rgb8();
            fs::write(path, turned(&picture, orientation)).unwrap();
        }
        let report = check(folder.path()).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let expected = |i: usize, n: u8| format!("{}: EXIF orientation {n}, ", pictures[i].display());
        assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
        assert!(report.warnings[0].starts_with(&expected(0, 6)), "{:?}", report.warnings);
        assert!(report.warnings[1].starts_with(&expected(2, 3)), "{:?}", report.warnings);
    }
}

/// All eight orientations: photos are turned as `image` turns them, data are not.
#[test]
fn photos_say_how_they_were_turned() {
    let folder = tempfile::tempdir().unwrap();
    let picture = RgbImage::from_fn(40, 24, |x, y| image::Rgb([x as u8 * 6, y as u8 * 10, 0]));
    for n in 1..=8 {
        let path = folder.path().join("p.jpg");
        fs::write(&path, turned(&picture, n)).unwrap();
        let (data, photo) = (load_picture(&path).unwrap(), load_photo(&path).unwrap());
        assert_eq!((data.orientation, photo.orientation), (n, n));
        let mut expected = image::DynamicImage::ImageRgb8(data.image.as_ref().clone());
        expected.apply_orientation(Orientation::from_exif(n).unwrap());
        assert_eq!(*photo.image, expected.into_rgb8(), "{n}");
        assert_eq!((photo.original.width, photo.original.height), if n < 5 { (40, 24) } else { (24, 40) }, "{n}");
        assert_eq!(photo.to_image.scale(), 1.0);
    }
}

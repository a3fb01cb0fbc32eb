//! What a picture may cost is limited before anything is decoded; large honest ones are decoded at a part of it.

use candle_vision_helpers::{Point, Size};
use facekp_data::{
    Dataset, PackDataset,
    datasets::{imm, pack},
    open_kind,
    picture::{Picture, load_photo, load_picture, picture_size},
    synthetic,
};
use image::{GrayImage, ImageFormat};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

const JPEGS: [&[u8]; 4] = [
    include_bytes!("pictures/baseline_420.jpg"),
    include_bytes!("pictures/progressive_420.jpg"),
    include_bytes!("pictures/progressive_grey.jpg"),
    include_bytes!("pictures/cmyk.jpg"),
];

/// A JPEG whose frame header says another size.
fn sized(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg.to_vec();
    let at = bytes.windows(2).position(|w| w == [0xff, 0xc0] || w == [0xff, 0xc2]).unwrap();
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A PNG's beginning: its header with `color` (0 grey, 2 RGB, 6 with alpha) of `bits`, and an empty `IDAT`.
fn png(side: u32, bits: u8, color: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[bits, color, 0, 0, 0]].concat();
    for (name, contents) in [(b"IHDR", &header[..]), (b"IDAT", &[]), (b"IEND", &[])] {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(contents);
        let length = (contents.len() as u32).to_be_bytes();
        bytes.extend([&length[..], name, contents, &sum.sum().to_be_bytes()].concat());
    }
    bytes
}

fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("p.jpg");
    fs::write(&path, bytes).unwrap();
    path
}

type Load = fn(&Path) -> facekp_data::Result<Picture>;
const LOADS: [Load; 2] = [load_picture, load_photo];

#[test]
fn too_many_pixels_are_refused_from_the_header_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<Vec<u8>> = JPEGS.iter().map(|j| sized(j, 65535, 65535)).collect();
    files.push(png(65535, 8, 2));
    for bytes in files {
        let path = file(&folder, &bytes);
        let expected =
            "p.jpg: expected a picture of 268435456 pixels at most (--max-pixels), got 65535x65535 = 4294836225";
        let all = LOADS.iter().map(|load| load(&path).unwrap_err());
        for e in all.chain([picture_size(&path).unwrap_err()]) {
            assert!(e.to_string().ends_with(expected), "{e}");
        }
    }
}

/// The pictures of a pack are no files; their sizes come from nowhere else.
#[test]
fn too_many_pixels_are_refused_in_a_pack() {
    let folder = tempfile::tempdir().unwrap();
    let (faces, packed) = (folder.path().join("imm_face_db"), folder.path().join("p.fkpack"));
    synthetic::write_dataset(synthetic::FaceSet::Imm, 2, &faces, 0).unwrap();
    pack::write(&*open_kind(&faces, imm::KIND).unwrap(), imm::KIND, &packed, pack::Options::default(), &mut |_, _| ())
        .unwrap();
    let mut bytes = sized(&fs::read(&packed).unwrap(), 65535, 65535);
    let sum = Sha256::digest(&bytes[56..]);
    bytes[24..56].copy_from_slice(&sum);
    fs::write(&packed, bytes).unwrap();
    let e = PackDataset::open(&packed).unwrap().get(0).unwrap_err().to_string();
    assert!(e.contains("p.fkpack/") && e.contains("268435456 pixels at most"), "{e}");
}

/// 16384 x 16384 is allowed; what decoding it would take is not always.
#[test]
fn too_much_memory_is_refused_before_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let expected = "p.jpg: expected a picture that takes 2147483648 bytes at most (8 per pixel of --max-pixels), got ";
    // 16 bits in four channels are 8 bytes, RGB is 3.
    let path = file(&folder, &png(16384, 16, 6));
    for load in LOADS {
        let e = load(&path).unwrap_err().to_string();
        assert!(e.contains(expected) && e.contains("2952790016 bytes"), "{e}");
    }
    // Four progressive components keep 2 bytes of each coefficient; as data it is refused for its missing blocks.
    let path = file(&folder, &sized(include_bytes!("pictures/progressive_cmyk.jpg"), 16384, 16384));
    let e = load_photo(&path).unwrap_err().to_string();
    assert!(e.contains(expected), "{e}");
    let e = load_picture(&path).unwrap_err().to_string();
    assert!(e.contains("one cut short: its data end after "), "{e}");
}

#[test]
fn what_is_no_picture_or_too_long_a_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, JPEGS[0]);
    // Sparse: it takes no disk.
    fs::File::options().write(true).open(&path).unwrap().set_len(100 << 30).unwrap();
    for load in LOADS {
        let e = load(&path).unwrap_err().to_string();
        assert!(
            e.contains("expected a picture's file of 1073741824 bytes at most") && e.contains("107374182400"),
            "{e}"
        );
        if cfg!(unix) {
            let e = load(Path::new("/dev/zero")).unwrap_err().to_string();
            assert_eq!(
                e,
                "/dev/zero: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got data of none of these kinds"
            );
        }
    }
}

/// A grey JPEG of any size from a few bits per block (the usual tables of ITU-T T.81, annex K: `00` for "as bright as
/// the block before", `1010` for "nothing else"), brighter from block `step` on.
fn grey(width: u16, height: u16, step: usize) -> Vec<u8> {
    let mut small = Cursor::new(Vec::new());
    GrayImage::from_pixel(8, 8, image::Luma([128])).write_to(&mut small, ImageFormat::Jpeg).unwrap();
    let mut bytes = sized(&small.into_inner(), width, height);
    let scan = bytes.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
    bytes.truncate(scan + 2 + usize::from(u16::from_be_bytes([bytes[scan + 2], bytes[scan + 3]])));
    let (mut buffer, mut count) = (0_u32, 0);
    for block in 0..usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8) {
        // Category 6 is `1110`; six bits that begin with 1 are the number itself.
        let (bits, length) = if block == step { (0b11_1011_0010_1010, 14) } else { (0b00_1010, 6) };
        (buffer, count) = (buffer << length | bits, count + length);
        while count >= 8 {
            count -= 8;
            bytes.push((buffer >> count) as u8);
        }
    }
    bytes.push((buffer << (8 - count)) as u8 | (0xff >> count));
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// 72 megapixels: at half the size, with the map to it.
#[test]
fn a_large_jpeg_is_decoded_at_half_its_size_in_its_own_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let step = 1126 * 500 + 700;
    let path = file(&folder, &grey(9001, 8003, step));
    for load in LOADS {
        let picture = load(&path).unwrap();
        assert_eq!((picture.original, picture.image.dimensions()), (Size::new(9001, 8003), (4501, 4002)));
        assert_eq!(picture.lack, None);
        let value = |x: f64, y: f64| {
            let p = picture.to_image.apply(Point::new(x, y));
            picture.image.get_pixel(p.x.round() as u32, p.y.round() as u32).0[1]
        };
        // Block 700 of row 500 covers x 5600..5608, y 4000..4008.
        assert_eq!(value(5598.5, 4003.5), 128);
        assert!(value(5600.5, 4003.5) > 150 && value(5600.5, 4000.5) > 150 && value(0.5, 4008.5) > 150);
        assert_eq!(value(5600.5, 3998.5), 128);
    }
}

#[test]
fn a_picture_just_small_enough_is_decoded_whole() {
    let folder = tempfile::tempdir().unwrap();
    let picture = load_photo(&file(&folder, &grey(8192, 1024, 5))).unwrap();
    assert_eq!((picture.image.dimensions(), picture.to_image.scale()), ((8192, 1024), 1.0));
}

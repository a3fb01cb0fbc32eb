//! Videos: Y4M against another reader and writer, cut at every byte, and of any bytes; folders in their natural order.

use candle_vision_helpers::Size;
use facekp_data::video::{Rate, Video, VideoFrame, Y4mWriter};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use std::{
    fs::{self, File},
    io::Cursor,
    path::Path,
};
use y4m::{Colorspace, Frame, Ratio};

fn read(bytes: &[u8]) -> Result<Video, String> {
    Video::read(Box::new(Cursor::new(bytes.to_vec())), Path::new("v.y4m")).map_err(|e| e.to_string())
}

/// The frames before the end or before an error, and the error.
fn frames(bytes: &[u8]) -> (Vec<VideoFrame>, Option<String>) {
    let (mut whole, mut error) = (Vec::new(), None);
    match read(bytes) {
        Ok(video) => video.for_each(|frame| match frame {
            Ok(frame) => whole.push(frame),
            Err(e) => error = Some(e.to_string()),
        }),
        Err(e) => error = Some(e),
    }
    (whole, error)
}

/// A stream of frames of one color, as the other writer has it.
fn stream((w, h): (usize, usize), color: Colorspace, [y, u, v]: [u8; 3], count: usize) -> Vec<u8> {
    let (across, down) = match color {
        Colorspace::Cmono => (0, 0),
        Colorspace::C444 => (w, h),
        Colorspace::C422 => (w.div_ceil(2), h),
        _ => (w.div_ceil(2), h.div_ceil(2)),
    };
    let mut bytes = Vec::new();
    let mut to = y4m::encode(w, h, Ratio::new(30000, 1001)).with_colorspace(color).write_header(&mut bytes).unwrap();
    let planes = [vec![y; w * h], vec![u; across * down], vec![v; across * down]];
    for _ in 0..count {
        to.write_frame(&Frame::new([&planes[0], &planes[1], &planes[2]], None)).unwrap();
    }
    bytes
}

#[test]
fn every_kind_is_read_as_another_writer_writes_it() {
    use Colorspace::{C420, C420jpeg, C420mpeg2, C420paldv, C422, C444, Cmono};
    for color in [C420, C420jpeg, C420mpeg2, C420paldv, C422, C444, Cmono] {
        // red, by BT.601; grey, where there is no color: 1.164383 · (81 - 16) = 75.7
        let expected = if matches!(color, Cmono) { [76; 3] } else { [254, 0, 0] };
        for size in [(1, 1), (5, 3), (6, 4)] {
            let bytes = stream(size, color, [81, 90, 240], 3);
            assert_eq!(read(&bytes).unwrap().rate(), Rate::new(30000, 1001));
            let (whole, error) = frames(&bytes);
            assert_eq!((whole.len(), error), (3, None), "{color:?} {size:?}");
            for (i, frame) in whole.iter().enumerate() {
                assert_eq!((frame.number, frame.picture.original), (i, Size::new(size.0, size.1)));
                assert!(frame.picture.image.pixels().all(|p| p.0 == expected), "{color:?} {size:?}");
            }
        }
    }
}

#[test]
fn another_reader_reads_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.y4m");
    let (size, rate) = (Size::new(3, 2), Rate::new(25, 1).unwrap());
    let mut to = Y4mWriter::new(Box::new(File::create(&path).unwrap()), &path, size, rate).unwrap();
    let mut picture = RgbImage::from_pixel(3, 2, Rgb([255, 0, 0]));
    picture.put_pixel(2, 0, Rgb([255; 3]));
    picture.put_pixel(2, 1, Rgb([255; 3]));
    to.write(&picture).unwrap();
    let error = to.write(&RgbImage::new(2, 2)).unwrap_err().to_string();
    assert!(error.ends_with("expected frames of 3x2 in a Y4M, got one of 2x2"), "{error}");
    drop(to);
    let mut from = y4m::decode(File::open(&path).unwrap()).unwrap();
    assert_eq!((from.get_width(), from.get_height(), from.get_framerate().num), (3, 2, 25));
    let frame = from.read_frame().unwrap();
    // 16 + 219 · 0.299 = 81.5, 128 - 224 · 0.299 / 1.772 = 90.2, 128 + 224 / 2 = 240
    assert_eq!(frame.get_y_plane(), [81, 81, 235, 81, 81, 235]);
    assert_eq!((frame.get_u_plane(), frame.get_v_plane()), (&[90, 128][..], &[240, 128][..]));
    assert!(from.read_frame().is_err());
}

#[test]
fn a_stream_that_is_cut_says_where_and_keeps_what_came_before() {
    let bytes = stream((4, 2), Colorspace::C420jpeg, [81, 90, 240], 3);
    // FRAME, the end of its line, and 8 + 2 + 2 samples
    let (header, frame) = (bytes.len() - 3 * 18, 18);
    for cut in 0..=bytes.len() {
        let (whole, error) = frames(&bytes[..cut]);
        let behind = cut.saturating_sub(header);
        assert_eq!(whole.len(), behind / frame, "{cut}");
        match error {
            None => assert!(cut >= header && behind % frame == 0, "{cut}"),
            Some(e) if cut < header => assert!(e.starts_with("v.y4m: expected a folder of frames or Y4M"), "{e}"),
            Some(e) => assert!(e.contains(&format!("frame {}", behind / frame)) && behind % frame > 0, "{cut}: {e}"),
        }
    }
}

#[test]
fn what_stands_between_frames_is_named() {
    let mut bytes = stream((4, 2), Colorspace::C420jpeg, [81, 90, 240], 3);
    let second = bytes.len() - 2 * 18;
    bytes[second] = b'G';
    let (whole, error) = frames(&bytes);
    assert_eq!(whole.len(), 1);
    assert_eq!(error.unwrap(), "v.y4m: expected the line FRAME before frame 1, got \"GRAME\\n\"");
}

#[test]
fn sizes_that_overflow_or_take_too_much_are_refused_at_once() {
    for (size, words) in [
        ("W18446744073709551615 H2", "a width (W)"),
        ("W4294967295 H4294967295", "--max-pixels"),
        ("W20000 H20000", "--max-pixels"),
    ] {
        let error = read(format!("YUV4MPEG2 {size}\n").as_bytes()).err().unwrap();
        assert!(error.contains(words), "{error}");
    }
    // within the limits, but not there: memory is taken as bytes come
    let (whole, error) = frames(b"YUV4MPEG2 W16000 H16000\nFRAME\nabc");
    assert_eq!(
        (whole.len(), error.unwrap().as_str()),
        (0, "v.y4m: expected 384000000 bytes of frame 0, got 3 and the end")
    );
}

#[test]
fn a_folder_has_its_frames_in_the_natural_order() {
    let dir = tempfile::tempdir().unwrap();
    for (name, shade) in [("f10.png", 3), ("f9.png", 2), ("f1.png", 1), ("f1.keypoints.png", 9)] {
        RgbImage::from_pixel(2, 2, Rgb([shade; 3])).save(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("f11.jpg"), b"no picture").unwrap();
    fs::write(dir.path().join("f12.txt"), b"no frame").unwrap();
    let mut video = Video::open(dir.path()).unwrap();
    assert_eq!(video.rate(), None);
    for (number, name) in ["f1.png", "f9.png", "f10.png"].into_iter().enumerate() {
        let frame = video.next().unwrap().unwrap();
        assert_eq!((frame.number, frame.file), (number, Some(dir.path().join(name))));
        assert_eq!(frame.picture.image.get_pixel(0, 0)[0] as usize, number + 1);
    }
    let error = video.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("f11.jpg") && video.next().is_none(), "{error}");
    let error = Video::open(&dir.path().join("f12.txt")).err().unwrap().to_string();
    assert!(error.ends_with("writes), got \"no frame\""), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_in_a_line(
        start in 0..5usize,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let starts = ["", "YUV4MPEG2", "YUV4MPEG2 W3 H2 C444\n", "YUV4MPEG2 W1 H1 Cmono\nFRAME\n", "YUV4MPEG2 W2 H2 F"];
        let (_, error) = frames(&[starts[start].as_bytes(), &bytes].concat());
        if let Some(error) = error {
            prop_assert!(error.starts_with("v.y4m: expected") && !error.contains('\n'), "{}", error);
        }
    }
}

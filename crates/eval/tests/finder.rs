//! The face finder against `finder/reference.py`, and on pictures that hold no face.

use crate::common::{data, finder, here, portrait};
use candle_vision_helpers::{Affine, Point};
use facekp_data::picture::load_photo;
use facekp_eval::{FindConfig, FoundFace};
use image::{Rgb, RgbImage, imageops};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Picture {
    file: String,
    side: usize,
    faces: Vec<Face>,
}

#[derive(Deserialize)]
struct Face {
    score: f64,
    #[serde(rename = "box")]
    bounds: [f64; 4],
    points: [[f64; 2]; 5],
}

/// The largest differences of boxes, points and scores: the reference counts from the picture's edge.
fn compare(what: &str, got: &[FoundFace], want: &[Face]) -> [f64; 3] {
    assert_eq!(got.len(), want.len(), "{what}: faces");
    let mut worst = [0f64; 3];
    let mut take = |i: usize, a: f64, b: f64| worst[i] = worst[i].max((a - b).abs());
    for want in want {
        // by place: nearly equal scores may change their order
        let far = |f: &&FoundFace| (f.bounds.x + 0.5 - want.bounds[0]).hypot(f.bounds.y + 0.5 - want.bounds[1]);
        let got = got.iter().min_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
        let b = got.bounds;
        let numbers = [b.x + 0.5, b.y + 0.5, b.width, b.height];
        numbers.iter().zip(want.bounds).for_each(|(a, b)| take(0, *a, b));
        for (p, [x, y]) in got.landmarks.iter().zip(want.points) {
            take(1, p.x + 0.5, x);
            take(1, p.y + 0.5, y);
        }
        take(2, got.score.into(), want.score);
    }
    worst
}

fn reference() -> Vec<Picture> {
    serde_json::from_str(&std::fs::read_to_string(here("finder/reference.json")).unwrap()).unwrap()
}

#[test]
fn a_portrait_is_found_as_the_reference_finds_it() {
    let (finder, picture) = (finder(), portrait());
    let pictures: Vec<Picture> = reference().into_iter().filter(|p| p.file == "astronaut.jpg").collect();
    assert_eq!(pictures.len(), 2);
    for p in &pictures {
        let worst = compare(&p.file, &finder.look(&picture, p.side, 0.5).unwrap(), &p.faces);
        assert!(worst[0] < 0.05 && worst[1] < 0.05 && worst[2] < 1e-4, "side {}: {worst:?}", p.side);
    }
}

/// 49 pictures of the datasets and the portrait twice.
#[test]
fn real_pictures_are_seen_as_the_reference_sees_them() {
    let Some(data) = data() else { return };
    // where the reference finds the pictures' pixels: another JPEG decoder gives others
    let pixels = std::env::var_os("FACEKP_PIXELS").map(PathBuf::from);
    let finder = finder();
    let (mut worst, mut faces) = ([0f64; 3], 0);
    let pictures = reference();
    for p in &pictures {
        let path = if p.file == "astronaut.jpg" { here("pictures/astronaut.jpg") } else { data.join(&p.file) };
        let picture = load_photo(&path).unwrap().image;
        if let Some(to) = &pixels {
            picture.save(to.join(p.file.replace('/', " ")).with_extension("png")).unwrap();
            continue;
        }
        let found = finder.look(&picture, p.side, 0.5).unwrap();
        let off = compare(&p.file, &found, &p.faces);
        println!("{}: {} faces, {off:?}", p.file, found.len());
        worst = std::array::from_fn(|i| worst[i].max(off[i]));
        faces += found.len();
    }
    println!("{faces} faces in {} pictures: off by {worst:?}", pictures.len());
    assert!(worst[0] < 0.05 && worst[1] < 0.05 && worst[2] < 1e-4, "{worst:?}");
}

#[test]
fn a_turned_portrait_is_found_and_its_roll_told() {
    let (finder, upright) = (finder(), portrait());
    let config = FindConfig::default();
    let [face] = &finder.find(&upright, &config).unwrap()[..] else { panic!("expected one face") };
    assert!(face.roll.abs() < 10.0 && face.score > 0.9, "{face:?}");
    // the picture is square
    let turned = [
        (imageops::rotate90(&upright), 90.0),
        (imageops::rotate180(&upright), 180.0),
        (imageops::rotate270(&upright), -90.0),
    ];
    for (picture, degrees) in turned {
        let [found] = &finder.find(&picture, &config).unwrap()[..] else { panic!("{degrees}: expected one face") };
        let off = (found.roll - face.roll - degrees).rem_euclid(360.0);
        assert!(off.min(360.0 - off) < 10.0, "{degrees}: {found:?}");
        // the eyes lie where the turn took them
        let map = Affine::rotation_scale(Point::new(255.5, 255.5), f64::to_radians(degrees), 1.0).unwrap();
        for (a, b) in face.landmarks.iter().zip(&found.landmarks) {
            assert!(map.apply(*a).distance(*b) < 14.0, "{degrees}: {a:?} {b:?}");
        }
    }
}

#[test]
fn a_picture_without_a_face_has_none() {
    let finder = finder();
    let noise = |x: u32, y: u32, c: u32| {
        let h = (u64::from(x) << 32 | u64::from(y) << 2 | u64::from(c)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((h ^ (h >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
    };
    let pictures = [
        ("nothing", RgbImage::new(0, 0)),
        ("one pixel", RgbImage::new(1, 1)),
        ("black", RgbImage::new(300, 200)),
        ("white", RgbImage::from_pixel(200, 300, Rgb([255; 3]))),
        ("noise", RgbImage::from_fn(320, 240, |x, y| Rgb([0, 1, 2].map(|c| noise(x, y, c))))),
        ("a sky", RgbImage::from_fn(320, 240, |_, y| Rgb([(90 + y / 3) as u8, (130 + y / 3) as u8, 220]))),
        ("stripes", RgbImage::from_fn(320, 240, |x, y| Rgb([if (x / 9 + y / 13) % 2 == 0 { 30 } else { 220 }; 3]))),
        ("a long line", RgbImage::new(3000, 2)),
    ];
    for (what, picture) in pictures {
        assert_eq!(finder.find(&picture, &FindConfig::default()).unwrap(), [], "{what}");
    }
}

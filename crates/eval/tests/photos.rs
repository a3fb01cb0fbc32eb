//! From photos to points with the shipped weights: a portrait upright, turned, on a large canvas, shrunk while decoded.

use crate::common::{finder, here, portrait};
use candle_core::Device;
use candle_vision_helpers::{Affine, Point, Size};
use facekp_data::{Picture, picture::load_photo};
use facekp_eval::{Doubt, Finder, Flip, Located, PhotoReader, Predictor, Wanted};
use image::{Rgb, RgbImage, imageops};
use std::sync::Arc;

fn network(name: &str) -> Predictor {
    Predictor::load(&facekp_models::locate(name).unwrap(), &Device::Cpu).unwrap().0
}

fn photo(image: RgbImage) -> Picture {
    let original = Size::of(&image);
    Picture { image: Arc::new(image), original, to_image: Affine::IDENTITY, orientation: 1, lack: None }
}

fn faces(predictor: &Predictor, finder: &Finder, photos: &[Picture], wanted: &Wanted) -> Vec<Vec<Located>> {
    PhotoReader { predictor, finder: Some(finder), flip: Flip::Off }.faces(photos, wanted).unwrap()
}

/// Mean distance of two sets of points.
fn off(a: &[Point], b: impl Iterator<Item = Point>) -> f64 {
    a.iter().zip(b).map(|(p, q)| p.distance(q)).sum::<f64>() / a.len() as f64
}

/// Positions measured by eye in the picture of 512 × 512.
const PORTRAIT: [(usize, f64, f64); 6] = [
    (36, 194.4, 100.6),
    (45, 258.1, 103.1),
    (30, 224.4, 126.9),
    (48, 203.8, 139.4),
    (54, 244.0, 141.3),
    (8, 223.8, 177.5),
];

#[test]
fn the_points_of_a_portrait_sit_where_they_are_seen() {
    let (network, finder) = (network("face68"), finder());
    let found = faces(&network, &finder, &[photo(portrait())], &Wanted::default()).remove(0);
    let [face] = &found[..] else { panic!("expected one face, got {}", found.len()) };
    assert_eq!(face.doubts(), []);
    for (i, x, y) in PORTRAIT {
        let p = face.points[i];
        assert!(p.distance(Point::new(x, y)) < 5.0, "point {i}: {p:?}, expected {x}, {y}");
    }
}

#[test]
fn turned_small_and_far_away_the_points_stay_on_the_face() {
    let (network, finder, upright) = (network("face68"), finder(), portrait());
    let mut canvas = RgbImage::from_pixel(1536, 1200, Rgb([90, 120, 60]));
    imageops::replace(&mut canvas, &upright, 900, 600);
    let half = imageops::resize(&upright, 256, 256, imageops::FilterType::Triangle);
    let turn = |degrees: f64| Affine::rotation_scale(Point::new(255.5, 255.5), degrees.to_radians(), 1.0).unwrap();
    let cases = [
        ("upright", upright.clone(), Affine::IDENTITY),
        ("right", imageops::rotate90(&upright), turn(90.0)),
        ("upside down", imageops::rotate180(&upright), turn(180.0)),
        ("on a canvas", canvas, Affine::translation(900.0, 600.0)),
        ("small", half, Affine::new([0.5, 0.0, -0.25, 0.0, 0.5, -0.25]).unwrap()),
    ];
    let photos: Vec<Picture> = cases.iter().map(|c| photo(c.1.clone())).collect();
    // all in one call: each face keeps to its own picture
    let found = faces(&network, &finder, &photos, &Wanted::default());
    let first = &found[0][0].points;
    let across = first[36].distance(first[45]);
    for ((what, _, map), faces) in cases.iter().zip(&found) {
        let [face] = &faces[..] else { panic!("{what}: expected one face, got {}", faces.len()) };
        let off = off(first, face.points.iter().map(|p| map.unapply(*p))) / across;
        assert!(off < 0.05, "{what}: off by {off} of the eyes' distance, {face:?}");
        let center = Point::mean(face.corners()).unwrap();
        assert!(center.distance(face.face.center()) < 1e-9);
        assert!(face.corners()[0].distance(map.apply(found[0][0].corners()[0])) < 0.35 * across, "{what}");
    }
}

#[test]
fn a_picture_shrunk_while_decoded_has_points_in_its_own_pixels() {
    let (network, finder, whole) = (network("face68"), finder(), photo(portrait()));
    let small = imageops::resize(&*whole.image, 256, 256, imageops::FilterType::Triangle);
    let to_image = Affine::new([0.5, 0.0, -0.25, 0.0, 0.5, -0.25]).unwrap();
    let shrunk = Picture { image: Arc::new(small), to_image, ..whole.clone() };
    let given = Some(candle_vision_helpers::Rect::new(170.0, 90.0, 100.0, 120.0));
    for wanted in [Wanted::default(), Wanted { face: given, ..Wanted::default() }] {
        let found = faces(&network, &finder, &[whole.clone(), shrunk.clone()], &wanted);
        let off = off(&found[0][0].points, found[1][0].points.iter().copied());
        assert!(off < 3.0, "{off}");
        assert!(found[0][0].face.overlap(found[1][0].face) > 0.9, "{found:?}");
    }
}

#[test]
fn networks_of_whole_pictures_see_a_face_framed_as_they_learned() {
    let (finder, portrait) = (finder(), photo(portrait()));
    let nose = faces(&network("nose"), &finder, std::slice::from_ref(&portrait), &Wanted::default()).remove(0);
    assert!(nose[0].points[0].distance(Point::new(224.4, 126.9)) < 8.0, "{:?}", nose[0].points);
    let all = faces(&network("face58"), &finder, &[portrait], &Wanted::default()).remove(0);
    // point 52 of this scheme is the tip of the nose
    assert!(all[0].points[52].distance(Point::new(224.4, 126.9)) < 10.0, "{:?}", all[0].points[52]);
}

#[test]
fn nothing_is_no_face_and_the_largest_faces_are_kept() {
    let (network, finder, one) = (network("face68"), finder(), portrait());
    assert_eq!(faces(&network, &finder, &[photo(RgbImage::new(300, 200))], &Wanted::default()), [vec![]]);
    let mut two = RgbImage::new(800, 512);
    imageops::replace(&mut two, &one, 0, 0);
    imageops::replace(&mut two, &imageops::resize(&one, 256, 256, imageops::FilterType::Triangle), 530, 100);
    let photos = [photo(two)];
    assert_eq!(faces(&network, &finder, &photos, &Wanted::default())[0].len(), 2);
    let largest = faces(&network, &finder, &photos, &Wanted { most: Some(1), ..Wanted::default() }).remove(0);
    assert!(largest.len() == 1 && largest[0].face.x < 400.0, "{largest:?}");
}

#[test]
fn a_box_where_no_face_is_gives_a_warning() {
    let network = network("face68");
    let sky = photo(load_photo(&here("pictures/astronaut.jpg")).unwrap().image.as_ref().clone());
    let wanted =
        Wanted { face: Some(candle_vision_helpers::Rect::new(20.0, 330.0, 110.0, 130.0)), ..Wanted::default() };
    let reader = PhotoReader { predictor: &network, finder: None, flip: Flip::Off };
    let found = reader.faces(&[sky], &wanted).unwrap().remove(0);
    assert!(matches!(found[0].doubts()[..], [Doubt::Confidence(_)]), "{:?}", found[0].doubts());
}

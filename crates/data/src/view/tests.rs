//! Views against the pictures that they were cut from.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::{discs, ramps, sample};
use candle_vision_helpers::warp::{Channels, warp};
use proptest::prelude::*;
use rand_pcg::Pcg64Mcg;

const FACE: Crop = Crop::Face { enlarge: 1.25 };

fn spec(width: usize, height: usize, crop: Crop) -> ViewSpec {
    ViewSpec { width, height, grey: false, crop, mean: vec![0.5; 3], std: vec![0.25; 3] }
}

fn strong() -> Augment {
    Augment { flip: 0.5, rotation: 40.0, scale: 0.3, shift: 0.1, box_noise: 0.1, ..Augment::default() }
}

/// Where the disc of one color is.
fn centroid(view: &Array3<f32>, channel: usize) -> Point {
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for ((row, column), &v) in view.index_axis(ndarray::Axis(0), channel).indexed_iter() {
        (sum, x, y) = (sum + f64::from(v), x + f64::from(v) * column as f64, y + f64::from(v) * row as f64);
    }
    Point::new(x / sum, y / sum)
}

#[test]
fn whole_pictures_shrink_by_one_factor() {
    let face = Rect::new(0.0, 0.0, 0.0, 0.0);
    for (width, height, scale) in [(80, 60, 0.125), (240, 180, 0.375)] {
        let [a, b, c, d, e, f] =
            spec(width, height, Crop::Picture).to_view(Size::new(640, 480), face).unwrap().coefficients();
        assert_eq!((a, b, d, e), (scale, 0.0, 0.0, scale));
        // Half-pixel right: the corner of the area stays the corner of the area.
        assert_eq!((c, f), (0.5 * scale - 0.5, 0.5 * scale - 0.5));
    }
}

#[test]
fn other_proportions_are_kept_and_centred() {
    let map = spec(100, 100, Crop::Picture).to_view(Size::new(200, 100), Rect::new(0.0, 0.0, 1.0, 1.0)).unwrap();
    assert!(map.apply(Point::new(-0.5, -0.5)).distance(Point::new(-0.5, 24.5)) < 1e-9);
    assert!(map.apply(Point::new(199.5, 99.5)).distance(Point::new(99.5, 74.5)) < 1e-9);
}

#[test]
fn the_enlarged_square_of_the_face_fills_the_view() {
    let map = spec(128, 128, FACE).to_view(Size::new(640, 480), Rect::new(100.0, 50.0, 80.0, 64.0)).unwrap();
    // Centre (140, 82), side 100.
    assert!(map.apply(Point::new(90.0, 32.0)).distance(Point::new(-0.5, -0.5)) < 1e-9);
    assert!(map.apply(Point::new(190.0, 132.0)).distance(Point::new(127.5, 127.5)) < 1e-9);
}

#[test]
fn boxes_without_area_are_named() {
    for (width, height) in [(0.0, 5.0), (5.0, -1.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0)] {
        let error = spec(64, 64, FACE).to_view(Size::new(64, 64), Rect::new(3.0, 4.0, width, height)).unwrap_err();
        assert!(error.to_string().contains("expected an area"), "{error}");
    }
    assert!(spec(64, 64, Crop::Picture).to_view(Size::new(0, 64), Rect::new(0.0, 0.0, 1.0, 1.0)).is_err());
}

#[test]
fn senseless_views_are_refused() {
    let good = spec(64, 64, FACE);
    good.validate().unwrap();
    let bad = [
        ViewSpec { width: 0, ..good.clone() },
        ViewSpec { grey: true, ..good.clone() },
        ViewSpec { std: vec![1.0, 0.0, 1.0], ..good.clone() },
        ViewSpec { crop: Crop::Face { enlarge: 0.0 }, ..good.clone() },
    ];
    assert!(bad.iter().all(|view| view.validate().is_err()));
}

/// Discs at three corners of a face box in a picture of 800 by 600.
fn three_discs(x: f64, y: f64, side: f64) -> Sample {
    let points = [Point::new(x, y), Point::new(x + side, y + 0.1 * side), Point::new(x + 0.4 * side, y + side)];
    sample(discs(Size::new(800, 600), 12.0, points), Rect::around(&points).unwrap(), points)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn points_and_picture_move_together(x in 150.0..300.0, y in 130.0..200.0, side in 100.0..300.0, seed in any::<u64>(), face in any::<bool>()) {
        let sample = three_discs(x, y, side);
        let spec = if face { spec(128, 128, Crop::Face { enlarge: 1.6 }) } else { spec(240, 180, Crop::Picture) };
        let augment = strong();
        let view = spec.view(&sample, Some((&augment, &mut Pcg64Mcg::new(u128::from(seed))))).unwrap();
        // A mirror renames the points but leaves the colors of the discs: red is where the second point is now.
        let colors = if view.mirrored { [1, 0, 2] } else { [0, 1, 2] };
        let radius = 12.0 * view.to_view.scale();
        for (point, channel) in view.points.points().iter().zip(colors) {
            // Only whole discs have their centroid in the center.
            let whole = |v: f64, side: usize| v > radius + 1.5 && v < side as f64 - radius - 2.5;
            if whole(point.x, spec.width) && whole(point.y, spec.height) {
                let found = centroid(&view.image, channel);
                prop_assert!(found.distance(*point) < 0.1, "{found:?} {point:?}");
            }
        }
    }

    #[test]
    fn prepared_samples_give_the_same_view_to_the_bit(side in 60.0..400.0, seed in any::<u64>(), face in any::<bool>(), augmented in any::<bool>()) {
        let sample = three_discs(100.3, 90.7, side);
        let spec = if face { spec(96, 96, FACE) } else { spec(80, 60, Crop::Picture) };
        let augment = Augment { noise: 0.1, contrast: 0.3, ..strong() };
        let augment = augmented.then_some(&augment);
        let prepared = spec.prepare(&sample, augment).unwrap();
        let again = spec.prepare(&prepared, augment).unwrap();
        prop_assert!(Arc::ptr_eq(&prepared.image, &again.image) && prepared.to_image == again.to_image);
        let view = |sample: &Sample| {
            let mut rng = Pcg64Mcg::new(u128::from(seed));
            spec.view(sample, augment.map(|a| (a, &mut rng))).unwrap()
        };
        let (a, b) = (view(&sample), view(&prepared));
        prop_assert!(a.image == b.image && a.points == b.points && a.to_view == b.to_view);
    }

    #[test]
    fn preparing_keeps_all_that_a_view_can_show(x in -60.0..700.0, y in -60.0..500.0, side in 40.0..500.0, seed in any::<u64>()) {
        let size = Size::new(800, 600);
        let face = Rect::new(x, y, side, side * 0.9);
        let sample = sample(ramps(size), face, [face.center(); 3]);
        let spec = spec(96, 96, FACE);
        let augment = strong();
        let prepared = spec.prepare(&sample, Some(&augment)).unwrap();
        let view = spec.view(&prepared, Some((&augment, &mut Pcg64Mcg::new(u128::from(seed))))).unwrap();
        // A smooth picture looks the same however it was shrunk, unless part of it went missing and edges were repeated
        // too early.
        let direct = warp(&sample.image, &view.to_view, spec.size(), Channels::Rgb);
        let worst = view.image.iter().zip(&direct).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        prop_assert!(worst < 0.012, "{worst}");
        let finest = prepared.to_image.scale() / spec.to_view(size, face).unwrap().scale();
        prop_assert!(finest <= 1.0f64.max(2.0 * augment.magnification(FACE)), "{finest}");
    }
}

#[test]
fn preparing_makes_large_pictures_small() {
    let sample = three_discs(300.0, 200.0, 200.0);
    let prepared = spec(64, 64, FACE).prepare(&sample, None).unwrap();
    // The crop's side is 250 pixels: 64 view pixels of 1.5 pixels each, and some room.
    assert!(prepared.image.width() < 120 && prepared.image.height() < 120, "{:?}", prepared.image.dimensions());
    let small = spec(512, 512, Crop::Picture).prepare(&sample, None).unwrap();
    assert!(Arc::ptr_eq(&small.image, &sample.image), "fine enough as it is");
}

#[test]
fn a_picture_that_was_shrunk_before_gives_the_same_places() {
    let sample = three_discs(200.0, 150.0, 240.0);
    let (small, to_image) = shrink(&sample.image, 0.6);
    let shrunk = Sample { image: Arc::new(small), to_image, ..sample.clone() };
    let spec = spec(128, 128, Crop::Face { enlarge: 1.5 });
    let (a, b) = (spec.view(&sample, None).unwrap(), spec.view(&shrunk, None).unwrap());
    assert_eq!((&a.points, a.to_view), (&b.points, b.to_view));
    for channel in 0..3 {
        let point = a.points.points()[channel];
        assert!(centroid(&a.image, channel).distance(point) < 0.05);
        assert!(centroid(&b.image, channel).distance(point) < 0.05);
    }
}

#[test]
fn points_outside_the_view_stay() {
    let mut sample = three_discs(200.0, 150.0, 240.0);
    sample.face = Rect::new(190.0, 140.0, 30.0, 30.0);
    let view = spec(64, 64, FACE).view(&sample, None).unwrap();
    assert!(view.points.points()[1].x > 64.0 && view.points.visible().iter().all(|&v| v));
}

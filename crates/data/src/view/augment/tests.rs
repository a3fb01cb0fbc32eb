//! Random changes: within their amounts, independent of each other, and none when all amounts are 0.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    testing::{discs, sample},
    view::{Crop, ViewSpec},
};
use ndarray::Array3;
use proptest::prelude::*;
use rand::SeedableRng;

fn rng(seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed)
}

fn picture() -> Array3<f32> {
    Array3::from_shape_fn((3, 24, 32), |(c, y, x)| ((c * 5 + y * 3 + x * 7) % 17) as f32 / 16.0)
}

fn changed(augment: Augment, seed: u64) -> Array3<f32> {
    let mut view = picture();
    augment.photometric(&mut view, &mut rng(seed));
    view
}

#[test]
fn nothing_changes_at_zero() {
    let still = Augment::default();
    assert_eq!(changed(still.clone(), 1), picture());
    let change = still.geometry(Size::new(64, 48), &mut rng(2));
    assert!(!change.mirrored && change.map.apply(Point::new(3.0, 5.0)).distance(Point::new(3.0, 5.0)) < 1e-12);
    let face = Rect::new(3.0, 4.0, 20.0, 30.0);
    assert_eq!(still.face(face, &mut rng(3)), face);
    let points = [Point::new(20.0, 30.0), Point::new(60.0, 30.0), Point::new(40.0, 55.0)];
    let sample = sample(discs(Size::new(90, 80), 5.0, points), Rect::around(&points).unwrap(), points);
    for crop in [Crop::Picture, Crop::Face { enlarge: 1.3 }] {
        let spec = ViewSpec { width: 64, height: 64, grey: false, crop, mean: vec![0.0; 3], std: vec![1.0; 3] };
        let plain = spec.view(&sample, None).unwrap();
        let augmented = spec.view(&sample, Some((&still, &mut rng(4)))).unwrap();
        assert!(plain.image.iter().zip(&augmented.image).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn one_change_leaves_the_choices_of_the_others() {
    let turn = Augment { rotation: 20.0, shift: 0.1, ..Augment::default() };
    let more = Augment { scale: 0.2, flip: 1.0, box_noise: 0.2, ..turn.clone() };
    let point = Point::new(31.5, 23.5);
    for seed in 0..20 {
        let size = Size::new(64, 48);
        // The view's center goes where the shift says, mirrored or not.
        let (a, b) = (turn.geometry(size, &mut rng(seed)), more.geometry(size, &mut rng(seed)));
        assert!(b.mirrored && a.map.apply(point).distance(Affine::mirror(64).apply(b.map.apply(point))) < 1e-9);
        let dark = Augment { brightness: 0.2, ..Augment::default() };
        let both = Augment { cutout: 1.0, ..dark.clone() };
        let (a, b) = (changed(dark, seed), changed(both, seed));
        assert!(a.iter().zip(&b).filter(|(a, b)| a == b).count() > a.len() / 2, "the brightness changed as well");
    }
}

proptest! {
    #[test]
    fn changes_keep_to_their_amounts(seed in any::<u64>()) {
        let augment = Augment { rotation: 30.0, scale: 0.25, shift: 0.1, flip: 0.5, box_noise: 0.15, ..Augment::default() };
        let size = Size::new(100, 60);
        let change = augment.geometry(size, &mut rng(seed));
        let scale = change.map.scale();
        prop_assert!((0.75..=1.25).contains(&scale));
        let moved = change.map.apply(size.area().center());
        prop_assert!((moved.x - 49.5).abs() <= 10.0 + 1e-9 && (moved.y - 29.5).abs() <= 6.0 + 1e-9);
        let [a, b, ..] = change.map.coefficients();
        let turn = if change.mirrored { b.atan2(-a) } else { (-b).atan2(a) };
        prop_assert!(turn.to_degrees().abs() <= 30.0 + 1e-9);
        let face = augment.face(Rect::new(10.0, 20.0, 40.0, 30.0), &mut rng(seed));
        prop_assert!((34.0..=46.0).contains(&face.width) && (face.width / face.height - 4.0 / 3.0).abs() < 1e-9);
        let c = face.center();
        prop_assert!((c.x - 30.0).abs() <= 6.0 + 1e-9 && (c.y - 35.0).abs() <= 6.0 + 1e-9);
    }

    #[test]
    fn the_reach_holds_every_changed_view(seed in any::<u64>(), rotation in 0.0..180.0) {
        let augment = Augment { rotation, scale: 0.4, shift: 0.2, flip: 0.5, ..Augment::default() };
        let size = Size::new(100, 60);
        let change = augment.geometry(size, &mut rng(seed));
        let reach = augment.reach(size, Crop::Picture);
        for corner in [(-0.5, -0.5), (99.5, -0.5), (99.5, 59.5), (-0.5, 59.5)] {
            let p = change.map.unapply(Point::new(corner.0, corner.1));
            prop_assert!(p.x >= reach.x - 1e-9 && p.x <= reach.x + reach.width + 1e-9, "{p:?} {reach:?}");
            prop_assert!(p.y >= reach.y - 1e-9 && p.y <= reach.y + reach.height + 1e-9, "{p:?} {reach:?}");
        }
    }

    #[test]
    fn values_stay_in_range(seed in any::<u64>()) {
        let all = Augment { brightness: 0.8, contrast: 0.9, color: 0.5, grey: 0.3, noise: 0.3, blur: 0.5, cutout: 0.5, ..Augment::default() };
        prop_assert!(changed(all, seed).iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn brightness_adds_one_number(seed in any::<u64>()) {
        let mut view = Array3::from_elem((1, 4, 5), 0.5);
        view[(0, 1, 1)] = 0.6;
        Augment { brightness: 0.3, ..Augment::default() }.photometric(&mut view, &mut rng(seed));
        let base = view[(0, 0, 0)];
        prop_assert!((0.2..=0.8).contains(&base) && (view[(0, 1, 1)] - base - 0.1).abs() < 1e-5);
    }

    #[test]
    fn contrast_keeps_the_mean(seed in any::<u64>()) {
        let mut view = picture().mapv(|v| 0.4 + 0.2 * v);
        let (before, spread) = (view.mean().unwrap(), view.std(0.0));
        Augment { contrast: 0.5, ..Augment::default() }.photometric(&mut view, &mut rng(seed));
        prop_assert!((view.mean().unwrap() - before).abs() < 1e-4);
        prop_assert!((0.49..=1.51).contains(&(view.std(0.0) / spread)));
    }
}

#[test]
fn grey_makes_the_channels_equal() {
    let view = changed(Augment { grey: 1.0, ..Augment::default() }, 1);
    let before = picture();
    let luma = 0.299 * before[(0, 7, 9)] + 0.587 * before[(1, 7, 9)] + 0.114 * before[(2, 7, 9)];
    assert!((0..3).all(|c| (view[(c, 7, 9)] - luma).abs() < 1e-6));
}

#[test]
fn blur_spreads_a_dot_evenly() {
    // Large enough that nothing leaves the picture.
    let mut view = Array3::zeros((1, 129, 129));
    view[(0, 64, 64)] = 1.0;
    Augment { blur: 1.0, ..Augment::default() }.photometric(&mut view, &mut rng(7));
    assert!((view.sum() - 1.0).abs() < 1e-4 && view[(0, 64, 64)] < 0.9);
    for d in 1..5 {
        let around = [(64 - d, 64), (64 + d, 64), (64, 64 - d), (64, 64 + d)].map(|(y, x)| view[(0, y, x)]);
        assert!(around.iter().all(|v| (v - around[0]).abs() < 1e-6), "{around:?}");
    }
    // A flat picture stays flat up to its edges.
    let mut flat = Array3::from_elem((1, 20, 30), 0.7f32);
    Augment { blur: 1.0, ..Augment::default() }.photometric(&mut flat, &mut rng(7));
    assert!(flat.iter().all(|v| (v - 0.7).abs() < 1e-5));
}

#[test]
fn noise_has_its_strength() {
    let mut strengths = Vec::new();
    for seed in 0..8 {
        let mut view = Array3::from_elem((1, 100, 100), 0.5);
        Augment { noise: 0.1, ..Augment::default() }.photometric(&mut view, &mut rng(seed));
        assert!((view.mean().unwrap() - 0.5f32).abs() < 0.005);
        strengths.push(view.std(0.0));
    }
    assert!(strengths.iter().all(|s| *s < 0.105) && strengths.iter().any(|s| *s > 0.05), "{strengths:?}");
}

#[test]
fn cut_outs_are_rectangles_of_at_most_two_fifths() {
    for seed in 0..50 {
        let view = changed(Augment { cutout: 1.0, ..Augment::default() }, seed);
        let hidden: Vec<(usize, usize)> = (0..24 * 32)
            .map(|i| (i / 32, i % 32))
            .filter(|&(y, x)| (0..3).any(|c| view[(c, y, x)] != picture()[(c, y, x)]))
            .collect();
        let extent = |pick: fn(&(usize, usize)) -> usize| {
            let (low, high) = (hidden.iter().map(pick).min(), hidden.iter().map(pick).max());
            low.zip(high).map_or(0, |(low, high)| high - low + 1)
        };
        let (rows, columns) = (extent(|p| p.0), extent(|p| p.1));
        assert!(rows <= 10 && columns <= 13 && hidden.len() == rows * columns, "{rows} {columns} {}", hidden.len());
    }
}

/// Runs from before it have the same views where it is not asked for, and around it where it is.
#[test]
fn erasing_paints_one_rectangle_of_one_color_and_moves_no_other_choice() {
    for seed in 0..40 {
        let before = Augment { cutout: 0.5, noise: 0.1, brightness: 0.2, ..Augment::default() };
        let (plain, erased) = (changed(before.clone(), seed), changed(Augment { erase: 1.0, ..before }, seed));
        let (_, height, width) = plain.dim();
        let differs = |y: usize, x: usize| (0..3).any(|c| plain[[c, y, x]] != erased[[c, y, x]]);
        let places: Vec<_> =
            (0..height * width).map(|i| (i / width, i % width)).filter(|&(y, x)| differs(y, x)).collect();
        let within = |of: fn(&(usize, usize)) -> usize, side: usize| {
            let (lo, hi) = (places.iter().map(of).min().unwrap(), places.iter().map(of).max().unwrap());
            let extent = (hi + 1 - lo) as f64 / side as f64;
            assert!((0.1..=0.4).contains(&extent), "{extent}");
        };
        within(|p| p.0, height);
        within(|p| p.1, width);
        let color = |&(y, x): &(usize, usize)| [0, 1, 2].map(|c| erased[[c, y, x]]);
        assert!(places.iter().all(|p| color(p) == color(&places[0])), "{seed}");
    }
}

#[test]
fn mirrored_views_have_their_points_renamed() {
    let points = [Point::new(20.0, 30.0), Point::new(60.0, 30.0), Point::new(40.0, 55.0)];
    let mut sample = sample(discs(Size::new(90, 80), 5.0, points), Rect::around(&points).unwrap(), points);
    sample.points.hide(0);
    let spec =
        ViewSpec { width: 90, height: 80, grey: false, crop: Crop::Picture, mean: vec![0.0; 3], std: vec![1.0; 3] };
    let flip = Augment { flip: 1.0, ..Augment::default() };
    let view = spec.view(&sample, Some((&flip, &mut rng(1)))).unwrap();
    assert!(view.mirrored);
    // The first point is still the left one, and it is the former second.
    let expected = [Point::new(29.0, 30.0), Point::new(69.0, 30.0), Point::new(49.0, 55.0)];
    assert!(view.points.points().iter().zip(expected).all(|(p, e)| p.distance(e) < 1e-9), "{:?}", view.points);
    assert_eq!(view.points.visible(), [true, false, true]);
    assert!(view.image[(1, 30, 29)] > 0.9 && view.image[(0, 30, 69)] > 0.9);
}

#[test]
fn impossible_amounts_are_named() {
    Augment { flip: 1.0, rotation: 45.0, scale: 0.25, noise: 0.1, ..Augment::default() }.validate().unwrap();
    let bad = [
        ("flip", Augment { flip: 1.5, ..Augment::default() }),
        ("scale", Augment { scale: 1.0, ..Augment::default() }),
        ("rotation", Augment { rotation: -3.0, ..Augment::default() }),
        ("blur", Augment { blur: f64::NAN, ..Augment::default() }),
    ];
    for (name, augment) in bad {
        let error = augment.validate().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: expected")), "{error}");
    }
}

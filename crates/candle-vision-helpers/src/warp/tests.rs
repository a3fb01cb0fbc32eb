//! Warps against formulas, and against what they must keep: positions, areas, values.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::geom::Rect;
use proptest::prelude::*;

fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |_, _| {
        image::Rgb(std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }))
    })
}

/// White on black, coverage by 16×16 points per pixel: its centroid is the center within 0.002 pixels.
fn disc(width: u32, height: u32, center: Point, radius: f64) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let depth = radius - Point::new(f64::from(x), f64::from(y)).distance(center);
        let inside = |i: i32| {
            let at = |i: i32, base: u32| f64::from(base) + (f64::from(i) + 0.5) / 16.0 - 0.5;
            Point::new(at(i % 16, x), at(i / 16, y)).distance(center) <= radius
        };
        let share = if depth.abs() > 1.0 {
            0.5 + 0.5 * depth.signum()
        } else {
            (0..256).filter(|&i| inside(i)).count() as f64 / 256.0
        };
        image::Rgb([(share * 255.0).round() as u8; 3])
    })
}

fn centroid(view: &Array3<f32>) -> Point {
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for ((_, row, column), &v) in view.indexed_iter() {
        sum += f64::from(v);
        x += f64::from(v) * column as f64;
        y += f64::from(v) * row as f64;
    }
    Point::new(x / sum, y / sum)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_disc_and_its_center_land_on_the_same_spot(x in 80.0..120.0, y in 80.0..120.0, radians in -3.2..3.2, scale in 0.06..2.0,
                                                   dx in -0.5..0.5, dy in -0.5..0.5, mirror in any::<bool>(), gray in any::<bool>()) {
        let center = Point::new(x, y);
        let source = disc(200, 200, center, 16.0);
        // The disc's center goes near the view's, at any fraction of a pixel.
        let to = Point::new(48.0 + dx, 40.0 + dy);
        let map = Affine::rotation_scale(center, radians, scale).unwrap().then(&Affine::translation(to.x - x, to.y - y));
        let map = if mirror { map.then(&Affine::mirror(97)) } else { map };
        let view = warp(&source, &map, Size::new(97, 81), if gray { Channels::Luma } else { Channels::Rgb });
        let off = centroid(&view).distance(map.apply(center));
        prop_assert!(off < 0.05, "off by {off} at scale {scale}");
        // Nothing is lost either: the area is the disc's.
        let area: f32 = view.sum() / view.dim().0 as f32;
        let expected = std::f64::consts::PI * (16.0 * scale).powi(2);
        prop_assert!((f64::from(area) - expected).abs() < 0.01 * expected + 0.05, "area {area}, expected {expected}");
    }

    #[test]
    fn edges_are_repeated_and_values_stay_in_range(radians in -3.2..3.2, scale in 0.05..4.0, dx in -300.0..300.0, dy in -300.0..300.0) {
        let map = Affine::rotation_scale(Point::new(15.0, 10.0), radians, scale).unwrap().then(&Affine::translation(dx, dy));
        let flat = RgbImage::from_pixel(31, 21, image::Rgb([51, 102, 204]));
        let view = warp(&flat, &map, Size::new(24, 17), Channels::Rgb);
        for (channel, value) in [0.2, 0.4, 0.8].into_iter().enumerate() {
            prop_assert!(view.index_axis(ndarray::Axis(0), channel).iter().all(|v: &f32| (v - value).abs() < 1e-5));
        }
        prop_assert!(warp(&noise(31, 21), &map, Size::new(24, 17), Channels::Luma).iter().all(|v| (-1e-6..=1.000_001).contains(v)));
    }

    #[test]
    fn quick_pixels_equal_clamped_ones(radians in -3.2..3.2, scale in 0.3..3.0, dx in -20.0..20.0, dy in -20.0..20.0) {
        // One tap per pixel, against the textbook formula in f64.
        let source = noise(40, 30);
        let map = Affine::rotation_scale(Point::new(20.0, 15.0), radians, 1.0 + scale).unwrap().then(&Affine::translation(dx, dy));
        let view = warp(&source, &map, Size::new(33, 28), Channels::Rgb);
        for ((c, y, x), &v) in view.indexed_iter() {
            let p = map.unapply(Point::new(x as f64, y as f64));
            let (px, py) = (p.x.clamp(0.0, 39.0), p.y.clamp(0.0, 29.0));
            let (x0, y0) = (px.floor(), py.floor());
            let at = |x: f64, y: f64| f64::from(source.get_pixel(x.min(39.0) as u32, y.min(29.0) as u32)[c]) / 255.0;
            let (fx, fy) = (px - x0, py - y0);
            let expected = (1.0 - fy) * ((1.0 - fx) * at(x0, y0) + fx * at(x0 + 1.0, y0))
                + fy * ((1.0 - fx) * at(x0, y0 + 1.0) + fx * at(x0 + 1.0, y0 + 1.0));
            prop_assert!((f64::from(v) - expected).abs() < 1e-4, "{v} {expected} at {x} {y}");
        }
    }
}

#[test]
fn the_identity_changes_nothing() {
    let source = noise(37, 23);
    let view = warp(&source, &Affine::IDENTITY, Size::new(37, 23), Channels::Rgb);
    for ((c, y, x), &v) in view.indexed_iter() {
        assert!((v - f32::from(source.get_pixel(x as u32, y as u32)[c]) / 255.0).abs() < 1e-6);
    }
    let gray = warp(&source, &Affine::IDENTITY, Size::new(37, 23), Channels::Luma);
    for ((_, y, x), &v) in gray.indexed_iter() {
        let [r, g, b] = source.get_pixel(x as u32, y as u32).0.map(f32::from);
        assert!((v - (0.299 * r + 0.587 * g + 0.114 * b) / 255.0).abs() < 1e-6);
    }
}

#[test]
fn whole_factors_average_whole_blocks() {
    for factor in [2usize, 3, 4] {
        let source = noise(12 * factor as u32, 9 * factor as u32);
        let from = Size::new(12 * factor, 9 * factor);
        let map = Affine::rect_to_size(from.area(), Size::new(12, 9)).unwrap();
        let view = warp(&source, &map, Size::new(12, 9), Channels::Rgb);
        for ((c, y, x), &v) in view.indexed_iter() {
            let block = (0..factor * factor).map(|i| (x * factor + i % factor, y * factor + i / factor));
            let sum: f32 = block.map(|(x, y)| f32::from(source.get_pixel(x as u32, y as u32)[c])).sum();
            assert!((v - sum / (255 * factor * factor) as f32).abs() < 1e-5, "factor {factor} at {x} {y}");
        }
    }
}

#[test]
fn fine_stripes_do_not_alias() {
    // Stripes one pixel wide, shrunk by more than two, are half gray and nothing else.
    let stripes = RgbImage::from_fn(300, 300, |x, _| image::Rgb([if x % 2 == 0 { 255 } else { 0 }; 3]));
    for scale in [0.45, 0.3, 0.21, 0.1] {
        let side = (300.0 * scale) as usize;
        let map = Affine::rotation_scale(Point::new(-0.5, -0.5), 0.0, scale).unwrap();
        let view = warp(&stripes, &map, Size::new(side, side), Channels::Luma);
        // The outermost pixels see the repeated edge.
        let inner = view.slice(ndarray::s![0, 2..side - 2, 2..side - 2]);
        let worst = inner.iter().map(|v| (v - 0.5).abs()).fold(0.0, f32::max);
        assert!(worst < 0.12, "scale {scale}: {worst}");
    }
}

#[test]
fn shrinking_moves_points_by_the_map_it_returns() {
    let center = Point::new(93.3, 71.8);
    let source = disc(201, 151, center, 20.0);
    for scale in [0.9, 0.5, 0.37, 0.2] {
        let (small, map) = shrink(&source, scale);
        assert_eq!(f64::from(small.width()), (201.0 * scale).round());
        let view = warp(&small, &Affine::IDENTITY, Size::of(&small), Channels::Luma);
        assert!(centroid(&view).distance(map.apply(center)) < 0.03, "scale {scale}");
        assert!(map.apply(Point::new(-0.5, -0.5)).distance(Point::new(-0.5, -0.5)) < 1e-9);
    }
}

#[test]
fn odd_requests_are_answered_quietly() {
    let source = noise(5, 4);
    for scale in [0.0, -1.0, 1.0, 2.0, f64::NAN] {
        let (same, map) = shrink(&source, scale);
        assert!(same == source && map == Affine::IDENTITY, "scale {scale}");
    }
    assert_eq!(shrink(&source, 1e-9).0.dimensions(), (1, 1));
    let view = Size::new(3, 3);
    assert_eq!(warp(&RgbImage::new(0, 0), &Affine::IDENTITY, view, Channels::Luma), Array3::<f32>::zeros((1, 3, 3)));
    assert_eq!(warp(&source, &Affine::IDENTITY, Size::new(0, 3), Channels::Luma).len(), 0);
    for map in
        [[1e-9, 0.0, 0.0, 0.0, 1e-9, 0.0], [1e9, 0.0, 1e12, 0.0, 1e-9, -1e12], [1e-200, 0.0, 0.0, 0.0, 1e-100, 0.0]]
    {
        assert!(
            warp(&source, &Affine::new(map).unwrap(), view, Channels::Rgb).iter().all(|v| v.is_finite()),
            "{map:?}"
        );
    }
    let one =
        warp(&noise(1, 1), &Affine::rect_to_size(Rect::new(-0.5, -0.5, 1.0, 1.0), view).unwrap(), view, Channels::Rgb);
    assert!(one.outer_iter().all(|c| c.iter().all(|v| *v == c[(0, 0)])));
}

#[test]
fn a_cut_knows_where_it_came_from() {
    let source = noise(20, 15);
    let (part, map) = cut(&source, 6, 4, 9, 30);
    assert_eq!(part.dimensions(), (9, 11));
    assert_eq!(part.get_pixel(2, 3), source.get_pixel(8, 7));
    assert_eq!(map.apply(Point::new(8.0, 7.0)), Point::new(2.0, 3.0));
}

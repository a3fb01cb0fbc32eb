//! Wings against their own pictures: keypoints lie where lines are drawn, in any number, and come back from files.

#![allow(clippy::unwrap_used)]

use super::{shape::spread, *};
use crate::{datasets::find_first, synthetic::write_wings};
use candle_vision_helpers::Size;

/// The mean of a picture's three channels between its pixels.
fn brightness(image: &RgbImage, x: f64, y: f64) -> f64 {
    let at = |x: f64, y: f64| image.get_pixel(x as u32, y as u32).0.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0;
    let (left, top) = (x.floor(), y.floor());
    let row = |y: f64| at(left, y) + (at(left + 1.0, y) - at(left, y)) * (x - left);
    row(top) + (row(top + 1.0) - row(top)) * (y - top)
}

/// How far across a line that runs along the unit vector `(dx, dy)` its middle is from `p`, in pixels: the center of
/// what is darker than the paler side, within 2.5 pixels. Not a number where no line is.
fn off_the_line(image: &RgbImage, p: Point, (dx, dy): (f64, f64)) -> f64 {
    let offset = |k: usize| (k as f64 - 10.0) * 0.25;
    let level = |k: usize| {
        let at = |t: f64| brightness(image, p.x - dy * offset(k) + dx * t, p.y + dx * offset(k) + dy * t);
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(at).iter().sum::<f64>()
    };
    let profile: Vec<f64> = (0..=20).map(level).collect();
    let darkest = (0..profile.len()).min_by(|&a, &b| profile[a].total_cmp(&profile[b])).unwrap();
    let palest = |side: &[f64]| side.iter().copied().fold(0.0, f64::max);
    let beside = palest(&profile[..=darkest]).min(palest(&profile[darkest..]));
    let limit = profile[darkest] + 0.4 * (beside - profile[darkest]);
    let first = (0..=darkest).rev().take_while(|&k| profile[k] <= limit).last().unwrap();
    let last = (darkest..profile.len()).take_while(|&k| profile[k] <= limit).last().unwrap();
    let weight = |k: usize| limit - profile[k];
    (first..=last).map(|k| offset(k) * weight(k)).sum::<f64>() / (first..=last).map(weight).sum::<f64>()
}

#[test]
fn points_along_the_outline_lie_on_the_drawn_line() {
    for index in 0..5 {
        let wing = render(3, index, 400);
        let (shape, outline) = (Shape::new(3, index as u64), &wing.points[LANDMARKS..]);
        let (place, count) = (Place::new(&shape, 3, index as u64), outline.len());
        let others = shape.veins().into_iter().flatten().chain(shape.spot());
        let others: Vec<Point> = others.map(|p| place.at(p)).collect();
        let mut checked = 0;
        for (i, &p) in outline.iter().enumerate() {
            // what is dark beside it would be taken for it
            if others.iter().any(|v| v.distance(p) < 6.0) {
                continue;
            }
            let (before, after) = (outline[(i + count - 2) % count], outline[(i + 2) % count]);
            let length = before.distance(after);
            let along = ((after.x - before.x) / length, (after.y - before.y) / length);
            let off = off_the_line(&wing.image, p, along);
            assert!(off.abs() < 0.5, "wing {index}, point {i}: {off} px");
            checked += 1;
        }
        assert!(checked > 40, "wing {index}: {checked} points of the outline with nothing beside them");
    }
}

#[test]
fn landmarks_are_dark_in_what_is_around_them() {
    for index in 0..5 {
        let wing = render(4, index, LANDMARKS);
        for (i, p) in wing.points.iter().enumerate() {
            let ring = |radius: f64, count: u32| {
                let at = |k: u32| (f64::from(k) * std::f64::consts::TAU / f64::from(count)).sin_cos();
                let level = |(sin, cos): (f64, f64)| brightness(&wing.image, p.x + radius * cos, p.y + radius * sin);
                (0..count).map(at).map(level).sum::<f64>() / f64::from(count)
            };
            let contrast = ring(4.0, 16) - ring(0.5, 4);
            assert!(contrast > 8.0, "wing {index}, landmark {i}: darker by {contrast} of 255");
        }
    }
}

#[test]
fn any_number_of_points_is_in_the_picture_and_begins_with_the_same_ones() {
    let all = render(1, 0, 1000);
    assert_eq!(Shape::new(1, 0).landmarks().len(), LANDMARKS);
    for count in [1, 2, 3, 16, 17, 24, 400, 1000] {
        let wing = render(1, 0, count);
        assert_eq!(wing.points.len(), count);
        let same = count.min(LANDMARKS);
        assert_eq!((&wing.points[..same], wing.image.as_raw()), (&all.points[..same], all.image.as_raw()));
        let (width, height) = (f64::from(wing.image.width()) - 1.0, f64::from(wing.image.height()) - 1.0);
        let inside = |v: f64, end: f64| v > MARGIN - 0.01 && v < end - MARGIN + 0.01;
        assert!(wing.points.iter().all(|p| inside(p.x, width) && inside(p.y, height)), "{count} points");
    }
}

#[test]
fn root_and_tip_keep_their_sides_and_the_leading_edge_is_above() {
    for index in 0..20 {
        let points = render(2, index, 24).points;
        let (root, tip) = (points[0], points[1]);
        // below 60 degrees from level
        assert!(tip.x > root.x && (tip.y - root.y).abs() < 1.74 * (tip.x - root.x), "wing {index}");
        // the first point of the outline is on the leading edge, the last one on the trailing edge
        let below = |p: Point| (tip.x - root.x) * (p.y - root.y) - (tip.y - root.y) * (p.x - root.x);
        assert!(below(points[LANDMARKS + 1]) < 0.0 && below(points[22]) > 0.0, "wing {index}");
    }
}

#[test]
fn lengths_are_two_to_three_and_a_half_widths() {
    for index in 0..50 {
        let outline = Shape::new(6, index).outline();
        let seen = Rect::around(&outline).unwrap();
        assert!(seen.x.abs() < 1e-9 && (seen.width - 1.0).abs() < 1e-9, "wing {index}: {seen:?}");
        // bent wings are a little higher than wide
        let ratio = seen.width / seen.height;
        assert!((1.7..3.6).contains(&ratio), "wing {index}: {ratio}");
    }
}

#[test]
fn places_are_spread_by_length() {
    let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y));
    let expected =
        [(0.25, 0.0), (0.75, 0.0), (1.0, 0.25), (1.0, 0.75), (0.75, 1.0), (0.25, 1.0), (0.0, 0.75), (0.0, 0.25)];
    let places = spread(&square, 8);
    assert_eq!(places.len(), 8);
    for (place, (x, y)) in places.iter().zip(expected) {
        assert!(place.distance(Point::new(x, y)) < 1e-12, "{place:?}");
    }
    assert!(spread(&square, 0).is_empty());
}

#[test]
fn a_seed_gives_the_same_wing_again_and_another_seed_another() {
    let (a, b, c) = (render(4, 2, 30), render(4, 2, 30), render(5, 2, 30));
    assert_eq!((&a.points, a.image.as_raw()), (&b.points, b.image.as_raw()));
    assert_ne!(a.points, c.points);
}

#[test]
fn the_reader_returns_the_rendered_points() {
    let dir = tempfile::tempdir().unwrap();
    for count in [3, 24, 400] {
        let out = dir.path().join(count.to_string());
        write_wings(count, 3, &out, 5).unwrap();
        let read = find_first(&out).unwrap().open().unwrap();
        assert_eq!((read.scheme().name(), read.len()), (format!("wing{count}").as_str(), 3));
        for i in 0..read.len() {
            let (sample, wing) = (read.get(i).unwrap(), render(5, i, count));
            assert_eq!((sample.id, sample.original), (format!("wing_{i:05}"), Size::of(&wing.image)));
            let points = sample.points.points();
            assert_eq!(points.len(), count);
            // three decimals of a pixel
            assert!(points.iter().zip(&wing.points).all(|(a, b)| a.distance(*b) < 1e-3), "{count} points, wing {i}");
        }
    }
}

//! Faces that are hidden in part: which part, and what is left of the picture.

use crate::common::{Discs, scheme_named};
use candle_vision_helpers::Point;
use facekp_data::Dataset;
use facekp_eval::{Hidden, Hider};
use image::Rgb;
use std::{collections::BTreeSet, sync::Arc};

const FACES: usize = 40;

fn hidden(by: Hider) -> (Arc<Discs>, Hidden) {
    let data = Arc::new(Discs { scheme: scheme_named("ibug68"), len: FACES });
    (data.clone(), Hidden::new(data, by))
}

#[test]
fn a_quarter_of_each_box_is_hidden_and_the_rest_is_as_it_was() {
    for by in [Hider::Cover, Hider::Border] {
        let (data, hidden) = hidden(by);
        for i in 0..FACES {
            let (plain, part, seen) = (data.get(i).unwrap(), hidden.part(i).unwrap(), hidden.get(i).unwrap());
            let share = part.shared_area(plain.face) / (plain.face.width * plain.face.height);
            assert!((share - 0.25).abs() < 1e-9, "{by:?} {i}: {share}");
            assert_eq!((seen.points.points(), seen.face), (plain.points.points(), plain.face));
            let mut covers = BTreeSet::new();
            for (x, y, pixel) in seen.image.enumerate_pixels() {
                let at = seen.to_image.unapply(Point::new(f64::from(x), f64::from(y)));
                if part.contains(at) {
                    covers.insert(pixel.0);
                } else {
                    assert_eq!(pixel, plain.image.get_pixel(at.x as u32, at.y as u32), "{by:?} {i}: {at:?}");
                }
            }
            match by {
                Hider::Cover => assert_eq!(covers.len(), 1, "{i}"),
                Hider::Border => {
                    assert!(covers.is_empty(), "{i}: {covers:?}");
                    let (before, left) = (plain.image.dimensions(), seen.image.dimensions());
                    assert_eq!(u8::from(before.0 > left.0) + u8::from(before.1 > left.1), 1, "{i}: {left:?}");
                }
            }
        }
    }
}

#[test]
fn what_hides_a_face_depends_on_its_number_alone() {
    let ((_, a), (_, b)) = (hidden(Hider::Cover), hidden(Hider::Cover));
    let colors: BTreeSet<_> = (0..FACES).map(|i| color(&a, i)).collect();
    assert!((0..FACES).all(|i| color(&a, i) == color(&b, i) && a.part(i).unwrap() == b.part(i).unwrap()));
    assert_eq!(colors.len(), FACES);
}

/// The color in the middle of a cover.
fn color(hidden: &Hidden, i: usize) -> [u8; 3] {
    let center = hidden.part(i).unwrap().center();
    let Rgb(color) = *hidden.get(i).unwrap().image.get_pixel(center.x.round() as u32, center.y.round() as u32);
    color
}

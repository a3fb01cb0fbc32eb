//! The keypoints of a scheme on a head, in space: places on the very curves that the face is painted from.

use super::{
    features::{Eye, Features},
    head::{Head, JAW},
    vec3::Vec3,
};
use candle_vision_helpers::Point;

/// Rings of the IMM jaw points 0–6; 7–12 mirror them. They begin at the ear lobe.
const IMM_JAW: [f64; 7] = [8.62, 9.47, 10.36, 11.26, 12.1, 13.0, 14.0];

/// A point, and whether it is a contour point of the lower face.
enum Place {
    Front(Point),
    /// Ring and side.
    Contour(f64, f64),
}

/// The points of IMM (58) or iBUG (68), in the scheme's order. `outward(v, side)` measures how far out a place appears
/// on a side.
pub(super) fn points(head: &Head, ibug: bool, outward: impl Fn(Vec3, f64) -> f64) -> Vec<Vec3> {
    let places = if ibug { ibug68(head.features) } else { imm58(head.features) };
    places
        .into_iter()
        .map(|place| match place {
            Place::Front(p) => head.lift(p),
            Place::Contour(ring, side) => head.contour(ring, side, |v| outward(v, side)),
        })
        .collect()
}

fn jaw(rings: &[f64]) -> impl Iterator<Item = Place> + '_ {
    let left = rings.iter().map(|&t| Place::Contour(t, -1.0));
    left.chain(rings.iter().rev().skip(1).map(|&t| Place::Contour(t, 1.0)))
}

fn imm58(f: &Features) -> Vec<Place> {
    let mut out: Vec<Place> = jaw(&IMM_JAW).collect();
    let front = |out: &mut Vec<Place>, points: &[Point]| out.extend(points.iter().copied().map(Place::Front));
    // Outer corner, upper lid, inner corner, lower lid; the picture's right eye comes first.
    let eye = |e: &Eye| {
        [e.outer, e.upper(0.2), e.upper(0.475), e.upper(0.755), e.inner, e.lower(0.75), e.lower(0.47), e.lower(0.21)]
    };
    front(&mut out, &eye(&f.eyes[1]));
    front(&mut out, &eye(&f.eyes[0]));
    front(&mut out, &f.brows[1]);
    front(&mut out, &f.brows[0]);
    let (t, b) = (&f.lip_top, &f.lip_bottom);
    front(&mut out, &[t[0], t[2], t[3], t[4], t[6], b[2], b[3], b[4]]);
    let half = [(0.088, -0.5), (0.115, -0.275), (0.186, -0.195), (0.192, -0.082), (0.105, -0.052)];
    let nose = |side: f64| {
        half.map(|(x, y)| Point::new(side * x * if y < -0.4 { 1.0 } else { f.nose_width }, f.nose_base + y))
    };
    front(&mut out, &nose(-1.0));
    front(&mut out, &[Point::new(0.0, f.nose_base - 0.03)]);
    let right = nose(1.0);
    out.extend(right.into_iter().rev().map(Place::Front));
    out
}

fn ibug68(f: &Features) -> Vec<Place> {
    let rings: Vec<f64> = (0..9).map(|i| JAW + f64::from(i)).collect();
    let mut out: Vec<Place> = jaw(&rings).collect();
    let front = |out: &mut Vec<Place>, points: &[Point]| out.extend(points.iter().copied().map(Place::Front));
    let [mut left, right] = f.brows;
    left.reverse();
    front(&mut out, &left);
    front(&mut out, &right);
    let base = f.nose_base;
    let ridge = [-0.01, 0.133, 0.272, 0.41].map(|y| Point::new(0.0, y * base / 0.525));
    front(&mut out, &ridge);
    let foot = [(-0.16, -0.04), (-0.082, -0.01), (0.0, 0.013), (0.082, -0.01), (0.16, -0.04)];
    front(&mut out, &foot.map(|(x, y)| Point::new(x * f.nose_width, base + y)));
    // Both eyes clockwise: the left one from its outer, the right one from its inner corner.
    let (l, r) = (&f.eyes[0], &f.eyes[1]);
    front(&mut out, &[l.outer, l.upper(0.31), l.upper(0.69), l.inner, l.lower(0.67), l.lower(0.3)]);
    front(&mut out, &[r.inner, r.upper(0.69), r.upper(0.31), r.outer, r.lower(0.3), r.lower(0.67)]);
    front(&mut out, &f.lip_top);
    front(&mut out, &f.lip_bottom[1..6]);
    front(&mut out, &f.mouth_top);
    front(&mut out, &f.mouth_bottom[1..4]);
    out
}

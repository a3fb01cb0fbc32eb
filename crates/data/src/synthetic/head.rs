//! The head as a surface in space: rings from the crown to the chin, with the face's relief in front.

use super::{
    curve::{smoothstep, spline},
    features::Features,
    mesh::Mesh,
    person::Person,
    vec3::Vec3,
};
use candle_vision_helpers::Point;
use std::f64::consts::{FRAC_PI_2, PI};

/// Height, half width, center depth, front depth, back depth of the rings of an average head. From ring [`JAW`] on,
/// they lie at the heights of the 68-point scheme's jaw points.
const RINGS: [[f64; 5]; 15] = [
    [-1.28, 0.0, -0.05, -0.05, -0.05],
    [-1.235, 0.32, -0.05, 0.28, -0.42],
    [-1.10, 0.57, -0.03, 0.58, -0.78],
    [-0.88, 0.73, 0.0, 0.82, -1.02],
    [-0.60, 0.80, 0.0, 0.95, -1.12],
    [-0.30, 0.82, 0.0, 0.99, -1.12],
    [0.0, 0.795, 0.0, 0.96, -1.05],
    [0.21, 0.785, 0.0, 0.95, -0.95],
    [0.42, 0.755, 0.0, 0.96, -0.8],
    [0.62, 0.715, 0.04, 0.97, -0.55],
    [0.82, 0.64, 0.1, 0.97, -0.3],
    [0.985, 0.52, 0.25, 0.95, -0.05],
    [1.125, 0.365, 0.42, 0.94, 0.15],
    [1.24, 0.19, 0.6, 0.89, 0.4],
    [1.275, 0.0, 0.72, 0.72, 0.72],
];
/// The ring of the first jaw point, at the height of the eyes.
pub(super) const JAW: f64 = 6.0;
const CHIN: f64 = 14.0;

/// One person's head with one expression.
pub(super) struct Head<'a> {
    pub person: &'a Person,
    pub features: &'a Features,
    rings: Vec<[f64; 5]>,
}

impl<'a> Head<'a> {
    pub(super) fn new(person: &'a Person, features: &'a Features) -> Self {
        let rings = RINGS.map(|[y, a, c, front, back]| {
            let low = smoothstep(0.3, 0.9, y);
            let width = person.face_width * (1.0 + (person.jaw_width - 1.0) * low);
            let height =
                if y < 0.0 { y * person.skull } else { y * (1.0 + (person.chin - 1.0) * smoothstep(0.5, 1.2, y)) };
            // An open mouth carries the lower jaw down and back.
            let drop = features.drop * smoothstep(0.45, 1.1, y);
            [height + drop, a * width, c, front - 0.25 * drop, back]
        });
        Self { person, features, rings: rings.to_vec() }
    }

    /// Height, half width, center, front, back at ring `t` (`0..=14`).
    fn ring(&self, t: f64) -> [f64; 5] {
        let [y, a, c, f, b] = spline(&self.rings, t);
        [y, a.max(0.0), c, f.max(c), b.min(c)]
    }

    /// The surface at ring `t` and angle `theta` (0 in front, positive to the picture's right).
    pub(super) fn surface(&self, t: f64, theta: f64) -> Vec3 {
        let [y, a, c, front, back] = self.ring(t);
        let (sin, cos) = theta.sin_cos();
        let x = a * sin;
        if cos <= 0.0 {
            return Vec3::new(x, y, c + (c - back) * cos);
        }
        let relief = self.features.relief(self.person, x, y) * (3.0 * cos).min(1.0);
        Vec3::new(x, y, c + (front - c) * cos + relief)
    }

    /// The point of the face over `p` of the front view.
    pub(super) fn lift(&self, p: Point) -> Vec3 {
        let t = self.ring_at(p.y);
        let [_, a, ..] = self.ring(t);
        self.surface(t, (p.x / a.max(1e-6)).clamp(-1.0, 1.0).asin())
    }

    /// The ring at a height.
    pub(super) fn ring_at(&self, y: f64) -> f64 {
        let (mut lo, mut hi) = (0.0, CHIN);
        for _ in 0..40 {
            let mid = 0.5 * (lo + hi);
            if self.ring(mid)[0] < y { lo = mid } else { hi = mid }
        }
        lo
    }

    /// The contour of the lower face as annotators mark it at ring `t` on a `side`: the jaw's own edge where it can be
    /// seen, else the outermost place of the same height. `outward` measures how far out a place appears on that side.
    pub(super) fn contour(&self, t: f64, side: f64, outward: impl Fn(Vec3) -> f64) -> Vec3 {
        let steps = 48;
        (0..=steps)
            .map(|i| self.surface(t, side * FRAC_PI_2 * (1.0 - 0.75 * f64::from(i) / f64::from(steps))))
            .map(|v| (outward(v), v))
            .fold((f64::MIN, Vec3::default()), |best, now| if now.0 > best.0 + 1e-9 { now } else { best })
            .1
    }

    /// The whole surface; `u, v` are `x, y` of the front view.
    pub(super) fn mesh(&self) -> Mesh {
        let (rows, front, back) = (150, 120, 36);
        Mesh::grid(rows, front + back, |r, c| {
            // Even steps of height in the face, small ones at the two ends.
            let t = self.row(r as f64 / (rows - 1) as f64);
            let v = self.surface(t, Self::column(c, front, back));
            (v, [v.x as f32, v.y as f32])
        })
    }

    /// From `0..=1` to a ring, in about even steps of arc length.
    fn row(&self, u: f64) -> f64 {
        // The rings themselves are spaced so, except for the finer ones at the chin.
        if u < 0.33 { u / 0.33 * 5.0 } else { 5.0 + (u - 0.33) / 0.67 * 9.0 }
    }

    /// The angle of a column of `front + back` columns that begin and end at the back of the head.
    fn column(c: usize, front: usize, back: usize) -> f64 {
        let (c, h) = (c as f64, back as f64 / 2.0);
        let f = front as f64 - 1.0;
        if c < h {
            -PI + c / h * FRAC_PI_2
        } else if c <= h + f {
            -FRAC_PI_2 + (c - h) / f * PI
        } else {
            FRAC_PI_2 + (c - h - f) / h * FRAC_PI_2
        }
    }
}

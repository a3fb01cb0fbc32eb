//! The outlines of eyes, brows, nose and mouth on the face seen straight from the front: the pictures are painted from
//! them, and the keypoints are places on them.
//!
//! Coordinates: the middle between the eyes is `(0, 0)`, the distance between the outer eye corners about 1, `y` down.
//! The side `-1` is the picture's left, `1` its right. The places follow an average face.

use super::{
    curve::{bell, through},
    person::Person,
    situation::Expression,
};
use candle_vision_helpers::Point;

/// One eye between its lids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eye {
    pub outer: Point,
    pub inner: Point,
    /// Heights of the upper and the lower arc over the line between the corners.
    pub up: f64,
    pub low: f64,
    /// The upper arc's height if the eye were open.
    pub up_open: f64,
}

impl Eye {
    /// The upper lid's edge from the outer (`s = 0`) to the inner (`s = 1`) corner.
    pub(super) fn upper(&self, s: f64) -> Point {
        self.arc(s, -self.up)
    }

    /// The lower lid's edge, likewise.
    pub(super) fn lower(&self, s: f64) -> Point {
        self.arc(s, self.low)
    }

    pub(super) fn arc(&self, s: f64, height: f64) -> Point {
        let bow = (std::f64::consts::PI * s).sin().max(0.0).powf(0.75);
        Point::new(
            self.outer.x + (self.inner.x - self.outer.x) * s,
            self.outer.y + (self.inner.y - self.outer.y) * s + height * bow,
        )
    }

    pub(super) fn center(&self) -> Point {
        let m = Point::new((self.outer.x + self.inner.x) / 2.0, (self.outer.y + self.inner.y) / 2.0);
        Point::new(m.x, m.y - 0.2 * self.up_open)
    }

    pub(super) fn outline(&self) -> Vec<Point> {
        let steps = |n: usize| (0..n).map(move |i| i as f64 / n as f64);
        steps(16).map(|s| self.upper(s)).chain(steps(16).map(|s| self.lower(1.0 - s))).collect()
    }
}

/// All outlines of a face with an expression.
#[derive(Clone, Debug)]
pub(super) struct Features {
    /// Picture's left, picture's right.
    pub eyes: [Eye; 2],
    /// The upper edge of each brow, inner to outer end, five places.
    pub brows: [[Point; 5]; 2],
    /// The outer edge of the upper lip: left corner, side, peak, dip, peak, side, right corner.
    pub lip_top: [Point; 7],
    /// The outer edge of the lower lip, right corner to left corner.
    pub lip_bottom: [Point; 7],
    /// The edge of the upper lip towards the opening: left, three places, right.
    pub mouth_top: [Point; 5],
    /// The edge of the lower lip towards the opening, right to left.
    pub mouth_bottom: [Point; 5],
    /// The height at which the nose meets the upper lip.
    pub nose_base: f64,
    pub nose_width: f64,
    /// How far the jaw has dropped.
    pub drop: f64,
}

impl Features {
    pub(super) fn new(person: &Person, e: &Expression) -> Self {
        let p = person;
        let nose_base = 0.525 * p.nose_length;
        let mouth_line = 0.75 + 0.5 * (nose_base - 0.525) + p.mouth_height;
        let drop = 0.30 * e.open;
        let eye = |side: f64| {
            let lids = if side < 0.0 { e.lids.0 } else { e.lids.1 };
            let up = 0.083 * p.eye_size * p.eye_open;
            Eye {
                outer: Point::new(side * (0.5 + p.eye_gap + 0.12 * (p.eye_size - 1.0)), 0.004 - p.eye_tilt),
                inner: Point::new(side * (0.197 + p.eye_gap - 0.1 * (p.eye_size - 1.0)), 0.012 + p.eye_tilt),
                // A shut lid comes down to the lower one.
                up: up * lids - 0.036 * (1.0 - lids.min(1.0)),
                low: 0.042 * p.eye_size - 0.012 * e.smile.max(0.0),
                up_open: up,
            }
        };
        let brow = |side: f64| {
            let raise = e.brows + side * e.brow_tilt;
            let at = |x: f64, y: f64, inner: f64| {
                let y = -0.17 + (y + 0.17) * p.brow_arch - p.brow_height - 0.09 * raise + 0.045 * e.frown * inner;
                Point::new(side * (x - 0.03 * e.frown * inner), y - 0.05 * e.sad * (2.0 * inner - 1.0))
            };
            [
                at(0.15, -0.168, 1.0),
                at(0.272, -0.236, 0.8),
                at(0.435, -0.255, 0.3),
                at(0.556, -0.222, 0.0),
                at(0.645, -0.125, 0.0),
            ]
        };
        let half =
            p.mouth_width * (0.29 + 0.075 * e.smile.max(0.0) + 0.02 * e.smile.min(0.0)) * (1.0 - 0.32 * e.pucker)
                - 0.03 * e.open;
        let skew = |x: f64| 0.03 * e.skew * x / half + 0.015 * e.skew;
        let corner_y = mouth_line - 0.085 * e.smile + 0.35 * drop - 0.01;
        let corner = |side: f64| Point::new(side * half, corner_y + skew(side * half));
        // `x` in units of the half width; `y` from the line between the lips.
        let lip = |x: f64, y: f64, pull: f64| {
            let sag = (1.0 - x * x) * pull;
            let lift = (corner_y - mouth_line) * x.abs().powf(1.6);
            Point::new(x * half, mouth_line + y + lift + sag + skew(x * half))
        };
        let full = 1.0 + 0.35 * e.pucker - 0.25 * e.smile.max(0.0);
        let (u, l) = (0.085 * p.lip_upper * full, 0.115 * p.lip_lower * full);
        let teeth = 0.02 * e.teeth;
        let (left, right) = (corner(-1.0), corner(1.0));
        let up = |x: f64, k: f64| lip(x, -u * k - teeth, 0.0);
        let down = |x: f64, k: f64| lip(x, l * k + 0.07 * e.teeth * (1.0 - x * x), drop);
        let inset = |side: f64| Point::new(corner(side).x * 0.94, corner(side).y + 0.003);
        let inner_up = |x: f64| lip(x, 0.002 - teeth, 0.02 * e.open);
        let inner_down = |x: f64| lip(x, 0.004 + 0.075 * e.teeth * (1.0 - x * x), drop * 0.98);
        Self {
            eyes: [eye(-1.0), eye(1.0)],
            brows: [brow(-1.0), brow(1.0)],
            lip_top: [left, up(-0.67, 0.62), up(-0.27, 1.0), up(0.0, 0.82), up(0.27, 1.0), up(0.67, 0.62), right],
            lip_bottom: [
                right,
                down(0.68, 0.62),
                down(0.35, 0.95),
                down(0.0, 1.04),
                down(-0.35, 0.95),
                down(-0.68, 0.62),
                left,
            ],
            mouth_top: [inset(-1.0), inner_up(-0.3), inner_up(0.0), inner_up(0.3), inset(1.0)],
            mouth_bottom: [inset(1.0), inner_down(0.3), inner_down(0.0), inner_down(-0.3), inset(-1.0)],
            nose_base,
            nose_width: p.nose_width * (1.0 + 0.06 * e.smile.max(0.0)),
            drop,
        }
    }

    /// The closed outline of both lips.
    pub(super) fn lips(&self) -> Vec<Point> {
        let mut line = through(&self.lip_top, 6);
        line.extend(through(&self.lip_bottom, 6));
        line
    }

    /// The closed outline of the opening between the lips.
    pub(super) fn opening(&self) -> Vec<Point> {
        let mut line = through(&self.mouth_top, 6);
        line.extend(through(&self.mouth_bottom, 6));
        line
    }

    /// How far the face stands out from the smooth head at `(x, y)`.
    pub(super) fn relief(&self, person: &Person, x: f64, y: f64) -> f64 {
        let (side, w) = (x.abs(), self.nose_width);
        let base = self.nose_base;
        let tip = base - 0.085;
        // The nose: a ridge that rises to the tip and ends underneath.
        let along = ((y + 0.03) / (tip + 0.03)).clamp(0.0, 1.0);
        let end = 1.0 / (1.0 + ((y - (base - 0.022)) / 0.017).exp());
        let rise = super::curve::smoothstep(-0.2, 0.05, y);
        let height = 0.27 * person.nose_height * (0.17 * rise + 0.83 * along.powf(1.15)) * end;
        let ridge = height * bell(x, w * (0.056 + 0.034 * along));
        let wings = 0.105 * bell(side - 0.128 * w, 0.05 * w) * bell(y - (base - 0.085), 0.048) * end.max(0.35);
        let sockets = -0.075 * bell(side - 0.27, 0.13) * bell(y - 0.0, 0.1);
        let balls =
            self.eyes.iter().map(|e| 0.045 * bell(x - e.center().x, 0.11) * bell(y - e.center().y, 0.06)).sum::<f64>();
        let ridge_brow = 0.03 * bell(side - 0.3, 0.2) * bell(y + 0.19, 0.07);
        let smile = ((0.75 - self.lip_top[0].y) / 0.085).clamp(0.0, 1.2);
        let cheeks =
            (0.035 * person.cheeks + 0.045 * smile) * bell(side - 0.42, 0.14) * bell(y - 0.40 + 0.05 * smile, 0.16);
        let half = self.lip_top[6].x;
        let across = super::curve::smoothstep(half, 0.3 * half, side);
        let (top, bottom) =
            (0.5 * (self.lip_top[3].y + self.mouth_top[2].y), 0.5 * (self.lip_bottom[3].y + self.mouth_bottom[2].y));
        let lips = across * (0.045 * bell(y - top, 0.035) + 0.05 * bell(y - bottom, 0.04));
        let fold = -0.03 * bell(x, 0.16) * bell(y - self.lip_bottom[3].y - 0.05, 0.035);
        let chin = 0.05 * bell(x, 0.13) * bell(y - (1.1 * person.chin + 0.8 * self.drop), 0.08);
        ridge + wings + sockets + balls + ridge_brow + cheeks + lips + fold + chin
    }
}

//! The face's colors, painted flat on the front view: skin, brows, eyes, nostrils, mouth, beard.

use super::{
    curve::{ellipse, ribbon, through},
    features::{Eye, Features},
    person::{Color, Person, mix, times},
    polygon::Patch,
    random::{hash, noise, noise2},
    situation::Expression,
};
use candle_vision_helpers::Point;

const SCALE: f64 = 220.0;
const LEFT: f64 = -0.95;
const TOP: f64 = -0.85;
const WIDTH: usize = 419;
const HEIGHT: usize = 590;

/// Colors by place on the front view.
pub(super) struct Skin {
    rgb: Vec<Color>,
}

impl Skin {
    pub(super) fn paint(person: &Person, features: &Features, expression: &Expression) -> Self {
        let mut skin = Self { rgb: vec![person.skin; WIDTH * HEIGHT] };
        skin.complexion(person, features, expression);
        skin.beard(person, features);
        skin.nose(features);
        skin.mouth(person, features);
        for (eye, gaze) in features.eyes.iter().zip([expression.gaze; 2]) {
            skin.eye(person, eye, gaze);
        }
        for line in &features.brows {
            skin.brow(person, line);
        }
        skin
    }

    /// The color at a place of the front view; level beyond the painted part.
    pub(super) fn at(&self, x: f32, y: f32) -> Color {
        let u = ((f64::from(x) - LEFT) * SCALE).clamp(0.0, WIDTH as f64 - 1.001) as f32;
        let v = ((f64::from(y) - TOP) * SCALE).clamp(0.0, HEIGHT as f64 - 1.001) as f32;
        let (i, j) = (u as usize, v as usize);
        let (fu, fv) = (u - i as f32, v - j as f32);
        let k = j * WIDTH + i;
        mix(mix(self.rgb[k], self.rgb[k + 1], fu), mix(self.rgb[k + WIDTH], self.rgb[k + WIDTH + 1], fu), fv)
    }

    /// Fills a shape of the front view, its edge softened over `soft` units, and calls `color(x, y, old)` for the new
    /// color at full cover.
    pub(super) fn fill(&mut self, shape: &[Point], soft: f64, opacity: f32, color: impl Fn(f64, f64, Color) -> Color) {
        let patch = patch(shape, soft);
        self.blend(&patch, opacity, color);
    }

    pub(super) fn blend(&mut self, patch: &Patch, opacity: f32, color: impl Fn(f64, f64, Color) -> Color) {
        for (i, j, alpha) in patch.pixels() {
            let old = &mut self.rgb[j * WIDTH + i];
            let new = color(i as f64 / SCALE + LEFT, j as f64 / SCALE + TOP, *old);
            *old = mix(*old, new, alpha.min(1.0) * opacity);
        }
    }

    fn complexion(&mut self, p: &Person, f: &Features, e: &Expression) {
        let salt = p.salt;
        for (k, c) in self.rgb.iter_mut().enumerate() {
            let (x, y) = ((k % WIDTH) as f32 / SCALE as f32, (k / WIDTH) as f32 / SCALE as f32);
            let blotch = 0.94 + 0.12 * noise2(x * 9.0, y * 9.0, salt);
            let grain = 0.985 + 0.03 * hash((k % WIDTH) as i32, (k / WIDTH) as i32, salt);
            *c = times(*c, blotch * grain);
        }
        let red = |_: f64, _: f64, c: Color| [c[0] * 1.02, c[1] * 0.72, c[2] * 0.72];
        let dark = |_: f64, _: f64, c: Color| [c[0] * 0.62, c[1] * 0.55, c[2] * 0.56];
        for side in [-1.0, 1.0] {
            self.fill(&ellipse(Point::new(side * 0.45, 0.42), 0.17, 0.13, 24), 0.13, p.blush, red);
            // Around the eyes, and below them with the years.
            self.fill(&ellipse(Point::new(side * 0.34, -0.045), 0.19, 0.10, 24), 0.06, 0.30, dark);
            let bag = [(0.2, 0.09), (0.3, 0.125), (0.42, 0.11)].map(|(x, y)| Point::new(side * x, y));
            self.fill(&ribbon(&through(&bag, 5), |_| 0.02), 0.012, 0.15 + 0.3 * p.age as f32, dark);
            // From the nose to the corner of the mouth.
            let corner = f.lip_top[if side < 0.0 { 0 } else { 6 }];
            let fold = [
                Point::new(side * 0.19 * f.nose_width, f.nose_base - 0.11),
                Point::new(side * 0.275, f.nose_base + 0.02),
                Point::new(corner.x + side * 0.07, corner.y - 0.06),
                Point::new(corner.x + side * 0.065, corner.y + 0.02),
            ];
            let deep = (0.12 + 0.35 * e.smile.max(0.0) + 0.25 * p.age) as f32;
            self.fill(&ribbon(&through(&fold, 6), |t| 0.028 * (1.0 - 0.6 * t)), 0.016, deep.min(0.6), dark);
        }
        self.fill(&ellipse(Point::new(0.0, f.nose_base - 0.1), 0.1, 0.08, 20), 0.07, p.blush * 0.7, red);
        // Brows drawn up or together leave lines.
        let lines = (0.55 * e.brows.max(0.0) + 0.35 * (p.age - 0.5).max(0.0)) as f32;
        for k in 0..3 {
            let y = -0.42 - 0.09 * f64::from(k);
            let line = [Point::new(-0.38, y + 0.03), Point::new(0.0, y), Point::new(0.38, y + 0.03)];
            self.fill(&ribbon(&through(&line, 8), |t| 0.018 * (t * (1.0 - t) * 4.0).sqrt()), 0.008, lines * 0.6, dark);
        }
        for side in [-1.0, 1.0] {
            let line =
                [Point::new(side * 0.05, -0.24), Point::new(side * 0.045, -0.14), Point::new(side * 0.06, -0.06)];
            self.fill(
                &ribbon(&through(&line, 6), |t| 0.018 * (t * (1.0 - t) * 4.0).sqrt()),
                0.008,
                0.5 * e.frown as f32,
                dark,
            );
        }
        if p.freckles {
            for k in 0..90 {
                let (a, b, s) = (hash(k, 1, salt), hash(k, 2, salt), hash(k, 3, salt));
                let at = Point::new(f64::from(a - 0.5) * 1.1, 0.15 + 0.4 * f64::from(b));
                self.fill(&ellipse(at, 0.006 + 0.006 * f64::from(s), 0.006, 6), 0.0, 0.35, |_, _, c| {
                    [c[0] * 0.7, c[1] * 0.5, c[2] * 0.4]
                });
            }
        }
    }

    fn eye(&mut self, p: &Person, eye: &Eye, gaze: (f64, f64)) {
        let side = eye.outer.x.signum();
        let outline = eye.outline();
        let opening = eye.up + eye.low;
        let steps = |from: f64, to: f64, h: f64| -> Vec<Point> {
            (0..=16).map(|i| eye.arc(from + (to - from) * f64::from(i) / 16.0, h)).collect()
        };
        let lid = |_: f64, _: f64, c: Color| [c[0] * 0.55, c[1] * 0.45, c[2] * 0.45];
        // The fold over the upper lid; a shut lid is wide.
        self.fill(&ribbon(&steps(0.0, 0.95, -eye.up_open - 0.045), |t| 0.018 * (1.0 - 0.5 * t)), 0.006, 0.7, lid);
        if opening > 0.012 {
            let white = patch(&outline, 0.0);
            let center = eye.center();
            // The upper lid shades what it overhangs.
            let (top, tall) = (center.y - eye.up_open * 0.8, opening);
            self.blend(&white, 1.0, |x, y, _| {
                let lit = 0.5 + 0.5 * ((y - top) / (0.6 * tall)).clamp(0.0, 1.0);
                let edge = 1.0 - 0.35 * ((x - center.x).abs() / 0.16).powi(2).min(1.0);
                times([0.80, 0.77, 0.75], (lit * edge) as f32)
            });
            let r = 0.076;
            let iris = Point::new(center.x + 0.045 * gaze.0 - side * 0.004, center.y + 0.012 + 0.03 * gaze.1);
            let within = |radius: f64, soft: f64| patch(&ellipse(iris, radius, radius, 28), soft).within(&white);
            let salt = p.salt;
            self.blend(&within(r, 0.004), 1.0, |x, y, _| {
                let (d, a) = ((x - iris.x).hypot(y - iris.y) / r, (y - iris.y).atan2(x - iris.x));
                let rim = if d > 0.82 { 0.45 } else { 1.0 };
                let rays = 0.7 + 0.6 * f64::from(noise(a as f32 * 6.0, d as f32 * 2.0, salt));
                let shade = 0.6 + 0.5 * ((y - top) / (0.7 * tall)).clamp(0.0, 1.0);
                times(p.iris, (rim * rays * shade) as f32)
            });
            self.blend(&within(0.034, 0.004), 1.0, |_, _, _| [0.004; 3]);
            let gleam =
                patch(&ellipse(Point::new(iris.x + 0.024, iris.y - 0.026), 0.013, 0.013, 12), 0.003).within(&white);
            self.blend(&gleam, 0.95, |_, _, _| [1.5; 3]);
            // The inner corner.
            let corner = Point::new(eye.inner.x + side * 0.018, eye.inner.y);
            self.blend(&patch(&ellipse(corner, 0.016, 0.014, 10), 0.004).within(&white), 0.8, |_, _, c| {
                [c[0] * 0.9, c[1] * 0.5, c[2] * 0.45]
            });
        }
        let lashes = if p.female { 0.03 } else { 0.021 };
        let dark = |_: f64, _: f64, c: Color| times(c, 0.07);
        let from = if p.female { -0.03 } else { 0.0 };
        self.fill(&ribbon(&steps(from, 1.0, -eye.up), |t| lashes * (1.0 - 0.55 * t)), 0.004, 0.95, dark);
        self.fill(&ribbon(&steps(0.05, 0.95, eye.low), |t| 0.011 * (1.0 - 0.5 * t)), 0.004, 0.5, lid);
    }

    fn brow(&mut self, p: &Person, line: &[Point; 5]) {
        let top = through(line, 6);
        let n = top.len();
        let depth =
            |t: f64| p.brow_thickness * (0.062 + 0.02 * (1.0 - (3.0 * t - 1.0).abs()).max(0.0)) * (1.0 - t * t * 0.9);
        let side = line[4].x.signum();
        let lower = |i: usize| {
            let t = i as f64 / (n - 1) as f64;
            Point::new(top[i].x - side * 0.012 * t, top[i].y + depth(t))
        };
        let shape: Vec<Point> = top.iter().copied().chain((0..n).rev().map(lower)).collect();
        let color = mix(times(p.hair_color, 0.6), times(p.skin, 0.12), 0.4);
        let salt = p.salt ^ 9;
        // Hairs lie outwards and up.
        self.fill(&shape, 0.010, 0.92, |x, y, c| {
            let (along, across) = (side * x * 0.5 + y * 0.3, y + side * x * 0.55);
            let hair = noise(across as f32 * 90.0, along as f32 * 16.0, salt);
            mix(c, color, 0.62 + 0.38 * hair)
        });
    }

    fn nose(&mut self, f: &Features) {
        let w = f.nose_width;
        let dark = |_: f64, _: f64, c: Color| [c[0] * 0.14, c[1] * 0.07, c[2] * 0.06];
        let shade = |_: f64, _: f64, c: Color| [c[0] * 0.58, c[1] * 0.46, c[2] * 0.45];
        let under = [
            Point::new(-0.13 * w, f.nose_base - 0.02),
            Point::new(0.0, f.nose_base + 0.012),
            Point::new(0.13 * w, f.nose_base - 0.02),
        ];
        self.fill(&ribbon(&through(&under, 8), |_| 0.05), 0.02, 0.55, shade);
        for side in [-1.0, 1.0] {
            let hole = ellipse(Point::new(side * 0.074 * w, f.nose_base - 0.022), 0.04 * w, 0.017, 16);
            self.fill(&hole, 0.006, 0.9, dark);
            // The edge of the wing.
            let wing = [(0.15, -0.14), (0.185, -0.09), (0.17, -0.035), (0.125, -0.022)]
                .map(|(x, y)| Point::new(side * x * w, f.nose_base + y));
            self.fill(&ribbon(&through(&wing, 6), |t| 0.018 * (0.5 + 0.5 * t)), 0.008, 0.6, shade);
            // The flank.
            let flank =
                [(0.115, -0.42), (0.12, -0.3), (0.145, -0.2)].map(|(x, y)| Point::new(side * x, f.nose_base + y));
            self.fill(&ribbon(&through(&flank, 6), |_| 0.05), 0.04, 0.10, shade);
        }
    }
}

/// A shape of the front view on the painted grid, its edge softened over `soft` units.
pub(super) fn patch(shape: &[Point], soft: f64) -> Patch {
    let radius = (soft * SCALE * 0.5).round() as usize;
    let pixels: Vec<Point> = shape.iter().map(|p| Point::new((p.x - LEFT) * SCALE, (p.y - TOP) * SCALE)).collect();
    Patch::fill(&pixels, WIDTH, HEIGHT, 2 * radius + 1).blurred(radius)
}

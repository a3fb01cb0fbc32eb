//! What stands behind the person: a board with a shadow, or anything.

use super::{
    curve::ellipse,
    person::{Color, mix, screen, times},
    polygon::Patch,
    random::{Draw, generator, noise2},
    situation::{Light, Situation},
};
use candle_vision_helpers::Point;
use rand_pcg::Pcg64Mcg;

/// A picture of `width × height` linear colors.
pub(super) fn background(situation: &Situation, seed: u64, index: u64, width: usize, height: usize) -> Vec<Color> {
    let r = &mut generator(seed, 4, index);
    if situation.studio { board(&situation.light, r, width, height) } else { anything(r, width, height) }
}

/// A school board under a lamp.
fn board(light: &Light, r: &mut Pcg64Mcg, width: usize, height: usize) -> Vec<Color> {
    let (dark, bright) = (screen(14, 38, 42), screen(58, 118, 100));
    let tilt = (r.about(0.0, 0.35) + 0.25 * light.direction.x, r.about(0.1, 0.2));
    let level = r.range(0.25, 0.6);
    let salt = r.range(0.0, 1e6) as u32;
    let mut out: Vec<Color> = (0..width * height)
        .map(|i| {
            let (x, y) = ((i % width) as f64 / width as f64 - 0.5, (i / width) as f64 / height as f64 - 0.5);
            let chalk = 0.12 * (noise2((x * 6.0) as f32, (y * 4.0) as f32, salt) - 0.5);
            mix(dark, bright, ((level + tilt.0 * x - tilt.1 * y) as f32 + chalk).clamp(0.0, 1.0))
        })
        .collect();
    // The person's shadow falls to the side away from the lamp.
    let (w, h) = (width as f64, height as f64);
    let away = Point::new(w * (0.5 - 0.22 * light.direction.x.clamp(-1.0, 1.0)), h * (0.5 - 0.08 * light.direction.y));
    let deep = if light.ambient < 0.2 { 0.7 } else { 0.25 };
    blend(
        &mut out,
        width,
        &Patch::fill(&ellipse(away, w * 0.19, h * 0.42, 40), width, height, 30).blurred(14),
        deep,
        |c| times(c, 0.3),
    );
    out
}

/// A gradient with clouds, or blurred lights, or blocks; always out of focus.
fn anything(r: &mut Pcg64Mcg, width: usize, height: usize) -> Vec<Color> {
    // Rooms and streets are less colorful than chance.
    let mut color = |low: f64, high: f64| -> Color {
        let c: Color = std::array::from_fn(|_| r.range(low, high) as f32);
        mix(c, [(c[0] + c[1] + c[2]) / 3.0; 3], 0.55)
    };
    let (a, b) = (color(0.01, 0.7), color(0.01, 0.5));
    let palette = [color(0.0, 0.9), color(0.0, 0.5), color(0.0, 0.25), color(0.2, 1.0)];
    let (s, c) = r.range(0.0, std::f64::consts::TAU).sin_cos();
    let cloud = r.range(0.0, 1.2) as f32;
    let size = r.range(2.0, 9.0);
    let salt = r.range(0.0, 1e6) as u32;
    let side = width.max(height) as f64;
    let mut out: Vec<Color> = (0..width * height)
        .map(|i| {
            let (x, y) = ((i % width) as f64 / side - 0.5, (i / width) as f64 / side - 0.5);
            let t = (0.5 + x * c + y * s) as f32 + cloud * (noise2((x * size) as f32, (y * size) as f32, salt) - 0.5);
            mix(a, b, t.clamp(0.0, 1.0))
        })
        .collect();
    let kind = r.range(0.0, 4.0) as usize;
    let shapes = if kind == 0 { 0 } else { r.range(4.0, 22.0) as usize };
    let soft = r.range(1.0, 7.0) as usize;
    for _ in 0..shapes {
        let m = Point::new(r.range(-0.1, 1.1) * width as f64, r.range(-0.1, 1.1) * height as f64);
        let (rx, ry) = (r.range(0.02, 0.2) * side, r.range(0.02, 0.3) * side);
        let shape = match kind {
            1 => ellipse(m, rx * 0.6, rx * 0.6, 28),
            2 => vec![
                Point::new(m.x - rx, m.y - ry),
                Point::new(m.x + rx, m.y - ry),
                Point::new(m.x + rx, m.y + ry),
                Point::new(m.x - rx, m.y + ry),
            ],
            _ => (0..5)
                .map(|k| f64::from(k) * 1.2566)
                .map(|t| Point::new(m.x + rx * r.range(0.4, 1.6) * t.cos(), m.y + ry * r.range(0.4, 1.6) * t.sin()))
                .collect(),
        };
        let (new, opacity) = (r.pick(&palette), r.range(0.15, 0.85) as f32);
        blend(&mut out, width, &Patch::fill(&shape, width, height, 2 * soft + 1).blurred(soft), opacity, |_| new);
    }
    out
}

/// Lays a patch over a picture; `color` gives a pixel's new color from its old one.
pub(super) fn blend(out: &mut [Color], width: usize, patch: &Patch, opacity: f32, color: impl Fn(Color) -> Color) {
    for (x, y, alpha) in patch.pixels() {
        let old = &mut out[y * width + x];
        *old = mix(*old, color(*old), alpha.min(1.0) * opacity);
    }
}

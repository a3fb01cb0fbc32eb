//! What the head stands on and what it wears: neck and shoulders with clothes, ears, glasses.

use super::{
    curve::{smoothstep, table},
    head::Head,
    mesh::Mesh,
    person::{Clothes, Color, Glasses, Person, mix, screen, times},
    random::noise,
    raster::Fragment,
    shade::{Gloss, lit},
    situation::Light,
    vec3::Vec3,
};
use candle_vision_helpers::Point;
use std::f64::consts::{FRAC_PI_2, PI, TAU};

const SKIN: Gloss = Gloss { strength: 0.035, power: 18, wrap: 0.3 };
const CLOTH: Gloss = Gloss { strength: 0.0, power: 1, wrap: 0.2 };
/// Height, half width, half depth, center depth from under the chin to the chest.
const TRUNK: [(f64, f64, f64, f64); 9] = [
    (0.55, 0.56, 0.50, -0.20),
    (1.00, 0.58, 0.52, -0.20),
    (1.30, 0.61, 0.54, -0.22),
    (1.50, 0.70, 0.58, -0.24),
    (1.64, 1.00, 0.64, -0.26),
    (1.80, 1.48, 0.72, -0.26),
    (2.05, 1.95, 0.80, -0.22),
    (2.60, 2.25, 0.92, -0.15),
    (5.50, 2.45, 1.05, -0.10),
];

/// Neck, shoulders and chest; `u` is the sideways place, `v` the height.
pub(super) fn trunk(person: &Person) -> Mesh {
    let (rows, cols) = (70, 60);
    let slim = if person.female { 0.84 } else { 1.0 };
    let column = |k: fn(&(f64, f64, f64, f64)) -> f64| TRUNK.map(|r| (r.0, k(&r)));
    let (wide, deep, mid) = (column(|r| r.1), column(|r| r.2), column(|r| r.3));
    // The turtleneck stands off the neck.
    let roll = if person.clothes == Clothes::Turtleneck { 0.07 } else { 0.0 };
    Mesh::grid(rows, cols, |r, c| {
        let t = r as f64 / (rows - 1) as f64;
        let y = 0.55 + 3.6 * t.powf(1.3);
        let theta = -FRAC_PI_2 + PI * c as f64 / (cols - 1) as f64;
        let collar = roll * smoothstep(1.12, 1.18, y) * smoothstep(1.62, 1.48, y);
        let x = (table(&wide, y) * slim + collar) * theta.sin();
        (Vec3::new(x, y, table(&mid, y) + (table(&deep, y) + collar) * theta.cos()), [x as f32, y as f32])
    })
}

/// The height below which cloth covers the skin at sideways place `x`.
fn neckline(p: &Person, x: f64) -> f64 {
    match p.clothes {
        Clothes::Crew => 1.56 + 0.14 * (1.0 - (x / 0.75).powi(2)).max(0.0),
        Clothes::VNeck => 2.15 - 0.95 * x.abs().min(0.62),
        Clothes::Turtleneck => 1.17,
        Clothes::Shirt => 1.85 - 0.85 * x.abs().min(0.6),
    }
}

/// The color of neck and clothes.
pub(super) fn trunk_color(p: &Person, light: &Light, f: &Fragment) -> Option<(Color, f32)> {
    let [x, y] = f.uv;
    let line = neckline(p, f64::from(x)) as f32;
    if y < line {
        // The chin keeps the light off the neck.
        let shadow = 0.34 + 0.5 * smoothstep(1.15, 1.7, f64::from(y)) as f32;
        let near = 1.0 - 0.35 * smoothstep(f64::from(line) - 0.08, f64::from(line), f64::from(y)) as f32;
        return Some((lit(light, times(p.skin, shadow * near), f.normal, SKIN), 1.0));
    }
    let weave = 0.85 + 0.3 * noise(x * 30.0, y * 30.0, p.salt);
    let folds = 0.85 + 0.3 * noise(x * 3.0, y * 1.5, p.salt ^ 2);
    let ribs = if p.clothes == Clothes::Turtleneck && y < 1.6 { 0.85 + 0.25 * (x * 60.0).sin() } else { 1.0 };
    let stripe = p.stripes && (y * 5.0).fract() < 0.4 && y > line + 0.1;
    let hem = y < line + 0.05 && p.clothes != Clothes::Turtleneck;
    let base = if stripe || (hem && !p.stripes && p.clothes == Clothes::Crew) {
        mix(p.cloth, p.cloth_two, 0.8)
    } else {
        p.cloth
    };
    let base = match p.clothes {
        Clothes::Shirt if y < line + 0.22 && y < 2.15 => mix(times(base, 1.2), [0.8; 3], 0.55),
        _ => base,
    };
    let edge = if y < line + 0.012 { 0.5 } else { 1.0 };
    Some((lit(light, times(base, weave * folds * ribs * edge), f.normal, CLOTH), 1.0))
}

/// One ear; `u, v` run from its middle, `-1..=1`.
pub(super) fn ear(head: &Head, side: f64) -> Mesh {
    let (rows, cols) = (24, 24);
    let a = 0.80 * head.person.face_width;
    Mesh::grid(rows, cols, |r, c| {
        let (v, u) = (-1.0 + 2.0 * r as f64 / (rows - 1) as f64, -1.0 + 2.0 * c as f64 / (cols - 1) as f64);
        // A thin shell that stands off the head towards the back, hollow in the middle.
        let wide = (1.0 - v * v).max(0.0).sqrt() * (0.80 - 0.25 * v);
        let (d, e) = (u * wide, (u * u).min(1.0));
        let hollow = 0.06 * (1.0 - e) * (1.0 - v * v);
        let out = 0.02 - 0.085 * d - hollow;
        let x = side * (a + out - 0.09 * (v + 0.1).max(0.0));
        // Columns go to the picture's right on both sides.
        (Vec3::new(x, 0.20 + 0.27 * v, -0.10 + 0.15 * d), [u as f32, v as f32])
    })
}

/// The color of an ear: darker in its hollow.
pub(super) fn ear_color(p: &Person, light: &Light, f: &Fragment) -> Option<(Color, f32)> {
    let [u, v] = f.uv;
    let hollow = ((u * 0.9).powi(2) + (v * 0.85).powi(2)).sqrt();
    let dark = if hollow < 0.55 {
        0.55
    } else if hollow < 0.7 {
        0.75
    } else {
        0.95
    };
    let red = [p.skin[0], p.skin[1] * 0.82, p.skin[2] * 0.82];
    Some((lit(light, times(red, dark), f.normal, SKIN), 1.0))
}

/// The frame as tubes: two rims, a bridge, two temples; and the two lenses.
pub(super) fn glasses(head: &Head, glasses: &Glasses) -> (Vec<Mesh>, Vec<Mesh>) {
    let f = head.features;
    let front = head.lift(Point::new(0.0, 0.02)).z + 0.06;
    let (mut frame, mut lenses) = (Vec::new(), Vec::new());
    let place = |x: f64, y: f64| Vec3::new(x, y, front - 0.30 * x * x);
    for (eye, side) in f.eyes.iter().zip([-1.0, 1.0]) {
        let m = Point::new(side * 0.345, (eye.outer.y + eye.inner.y) / 2.0 + 0.04);
        let rim = |a: f64, k: f64| {
            let (s, c) = a.sin_cos();
            let e = 2.0 / glasses.power;
            place(
                m.x + k * glasses.width * c.signum() * c.abs().powf(e),
                m.y + k * glasses.height * s.signum() * s.abs().powf(e),
            )
        };
        let line: Vec<Vec3> = (0..=40).map(|i| rim(f64::from(i) / 40.0 * TAU, 1.0)).collect();
        frame.push(Mesh::tube(&line, glasses.wire));
        lenses.push(Mesh::grid(8, 33, |r, c| {
            let p = rim(c as f64 / 32.0 * TAU, r as f64 / 7.0);
            (p, [(p.x - m.x) as f32, (p.y - m.y) as f32])
        }));
        let hinge = place(side * (0.345 + glasses.width), m.y - 0.3 * glasses.height);
        let ear = Vec3::new(side * (0.86 * head.person.face_width), m.y - 0.03, 0.0);
        let temple: Vec<Vec3> = (0..=12)
            .map(|i| {
                hinge
                    + (ear - hinge) * (f64::from(i) / 12.0)
                    + Vec3::new(side * 0.10 * (PI * f64::from(i) / 12.0).sin(), 0.0, 0.0)
            })
            .collect();
        frame.push(Mesh::tube(&temple, glasses.wire));
    }
    let y = f.eyes[0].center().y + 0.02;
    let inner = 0.345 - glasses.width;
    let bridge: Vec<Vec3> = (0..=10)
        .map(|i| -inner + 2.0 * inner * f64::from(i) / 10.0)
        .map(|x| place(x, y - 0.03 * (1.0 - (x / inner).powi(2))) + Vec3::new(0.0, 0.0, 0.03))
        .collect();
    frame.push(Mesh::tube(&bridge, glasses.wire));
    (frame, lenses)
}

/// A faint mirror of the surroundings.
pub(super) fn lens_color(light: &Light, f: &Fragment) -> Option<(Color, f32)> {
    let [x, y] = f.uv;
    let band = (x * 0.8 + y + 0.06 * light.direction.x as f32).abs();
    let gleam = if band < 0.035 { 0.16 } else { 0.05 };
    Some((screen(224, 232, 240), gleam + 0.02 * noise(x * 20.0, y * 20.0, 3)))
}

/// Light on skin.
pub(super) fn skin_lit(light: &Light, albedo: Color, normal: Vec3) -> Color {
    lit(light, albedo, normal, SKIN)
}

//! Hair: a shell over the skull that ends at the hairline, and a curtain behind the head for long hair.

use super::{
    curve::{smoothstep, table},
    head::Head,
    mesh::Mesh,
    person::{Color, Hair, Person, mix, times},
    random::{noise, noise2},
    raster::Fragment,
    shade::{Gloss, lit},
    situation::Light,
    vec3::Vec3,
};
use std::f64::consts::{PI, TAU};

const GLOSS: Gloss = Gloss { strength: 0.05, power: 14, wrap: 0.35 };

/// The lowest height of hair at an angle from the front (degrees), on the left (`side < 0`) or right.
fn hairline(p: &Person, degrees: f64, side: f64) -> f64 {
    let front = match p.hair {
        Hair::Fringe | Hair::LongFringe => -0.60 + 0.16 * p.parting * side * (degrees / 40.0).min(1.0),
        Hair::Ring => -1.4,
        Hair::Buzz => -0.80,
        _ => -0.76 - 0.05 * side * p.parting * (degrees / 25.0).min(1.0),
    } + p.hairline;
    let temple = match p.hair {
        Hair::Ring => -1.0,
        Hair::Fringe | Hair::LongFringe => -0.5,
        _ => -0.62,
    };
    let burn = if p.female { 0.0 } else { 0.17 };
    let nape = if matches!(p.hair, Hair::Long | Hair::LongFringe) { 1.0 } else { 0.55 };
    let middle = if p.hair == Hair::Ring { -1.35 } else { front };
    table(
        &[
            (0.0, front),
            (26.0, middle),
            (46.0, temple),
            (62.0, -0.42),
            (70.0, -0.12),
            (76.0, burn),
            (88.0, burn - 0.05),
            (97.0, -0.2),
            (112.0, -0.15),
            (122.0, 0.35),
            (180.0, nape),
        ],
        degrees,
    )
}

/// How far the hair stands out.
fn volume(p: &Person, t: f64, degrees: f64) -> f64 {
    let top = smoothstep(6.0, 2.0, t);
    let v = match p.hair {
        Hair::Bald => 0.0,
        Hair::Ring => 0.05,
        Hair::Buzz => 0.025,
        Hair::Short => 0.06 + 0.12 * top,
        Hair::Fringe => 0.10 + 0.09 * top,
        Hair::Curly => 0.2 + 0.08 * top,
        Hair::Long | Hair::LongFringe => 0.08 + 0.07 * top + 0.03 * smoothstep(60.0, 100.0, degrees),
    };
    v * p.hair_volume
}

/// The shell; `u` is the angle, `v` the height below the hairline (negative where hair grows). `None` for bald heads.
pub(super) fn shell(head: &Head) -> Option<Mesh> {
    let p = head.person;
    if p.hair == Hair::Bald {
        return None;
    }
    let (rows, cols) = (96, 140);
    let salt = p.salt;
    Some(Mesh::grid(rows, cols, |r, c| {
        let t = 0.03 + 11.0 * r as f64 / (rows - 1) as f64;
        let theta = -PI + TAU * c as f64 / (cols - 1) as f64;
        let degrees = theta.abs().to_degrees();
        let at = head.surface(t, theta);
        let line = hairline(p, degrees, theta.signum());
        // Thin at its end, full a little above.
        let depth = smoothstep(line + 0.01, line - 0.22, at.y);
        let lumps = match p.hair {
            Hair::Curly => 0.55 + 0.9 * noise2(at.x as f32 * 5.0 + 9.0, (at.y * 5.0 + at.z * 5.0) as f32, salt),
            Hair::Buzz => 1.0,
            _ => 0.85 + 0.3 * noise((theta * 7.0) as f32 + 40.0, at.y as f32 * 1.5, salt),
        };
        let thick = 0.012 + volume(p, t, degrees) * (0.04 + 0.96 * depth) * f64::from(lumps);
        let out = Vec3::new(at.x, (at.y + 0.25) * 0.9, at.z + 0.05).unit();
        // Below the ears outwards only, so that nothing hangs lower than its root.
        let out = if at.y > 0.0 { Vec3::new(out.x, 0.0, out.z) } else { out };
        (at + out * thick, [theta as f32, (at.y - line) as f32])
    }))
}

/// The color of the shell, or `None` below the hairline.
pub(super) fn shell_color(p: &Person, light: &Light, f: &Fragment) -> Option<(Color, f32)> {
    let [theta, y] = f.uv;
    let curly = p.hair == Hair::Curly;
    let fray = match p.hair {
        Hair::Buzz => 0.03,
        Hair::Curly => 0.10,
        Hair::Fringe | Hair::LongFringe => 0.10,
        _ => 0.07,
    };
    let edge = noise2(theta * 26.0, y * if curly { 14.0 } else { 3.0 }, p.salt ^ 5) - 0.5;
    if f.inside || y > fray * edge {
        return None;
    }
    let slant = theta * 38.0 + y * 4.0 * p.parting as f32;
    let strand = if curly { noise2(theta * 16.0, y * 16.0, p.salt ^ 6) } else { noise2(slant, y * 2.5, p.salt ^ 6) };
    let base = mix(times(p.hair_color, 0.55), times(p.hair_color, 1.35), strand);
    // Roots are darker, and close-cut hair lets the skin through.
    let near = (-y / 0.12).clamp(0.0, 1.0);
    let base = times(base, 0.65 + 0.35 * near);
    let base = if p.hair == Hair::Buzz { mix(base, p.skin, 0.25) } else { base };
    let gleam = Gloss { strength: GLOSS.strength * f64::from(0.3 + strand), ..GLOSS };
    let normal = if curly {
        let tilt = |k: u32| 1.3 * f64::from(noise(theta * 15.0, y * 15.0, p.salt ^ k) - 0.5);
        (f.normal + Vec3::new(tilt(11), tilt(12), 0.0)).unit()
    } else {
        f.normal
    };
    Some((lit(light, base, normal, gleam), 1.0))
}

/// The part that hangs behind the face; `None` except for long hair.
pub(super) fn curtain(head: &Head) -> Option<Mesh> {
    let p = head.person;
    if !matches!(p.hair, Hair::Long | Hair::LongFringe) {
        return None;
    }
    let (rows, cols) = (40, 90);
    let length = 1.25 + 0.75 * f64::from(noise(1.0, 1.0, p.salt)) + 0.3 * p.hair_volume;
    Some(Mesh::grid(rows, cols, |r, c| {
        let v = r as f64 / (rows - 1) as f64;
        // Counted so that columns go to the right where the outer side faces the camera.
        let theta = (84.0 + 192.0 * c as f64 / (cols - 1) as f64).to_radians();
        let wave = 0.03 * f64::from(noise((theta * 6.0) as f32, v as f32 * 4.0, p.salt)) * (1.0 + v);
        let spread = 0.93 * p.face_width * (0.97 + 0.07 * (v * PI).sin()) * (0.92 + 0.08 * p.hair_volume) + wave;
        let y = -0.45 + (length + 0.45) * v;
        (Vec3::new(spread * theta.sin(), y, -0.12 + (0.95 - 0.25 * v) * theta.cos()), [theta as f32, v as f32])
    }))
}

/// The color of the curtain; its inner side lies in the shadow of the head.
pub(super) fn curtain_color(p: &Person, light: &Light, f: &Fragment) -> Option<(Color, f32)> {
    let [theta, v] = f.uv;
    if v > 0.90 + 0.1 * noise(theta * 30.0, 0.0, p.salt ^ 8) {
        return None;
    }
    let strand = noise2(theta * 30.0 + v * 3.0, v * 5.0, p.salt ^ 7);
    let base = mix(times(p.hair_color, 0.5), times(p.hair_color, 1.3), strand);
    let front = (f64::from(theta).to_degrees() - 180.0).abs() / 96.0;
    let shadow = if f.inside { 0.3 + 0.45 * front.powi(3) } else { 1.0 };
    Some((lit(light, times(base, shadow as f32), f.normal, GLOSS), 1.0))
}

//! What differs from picture to picture of one person: pose, expression, light, camera.

use super::random::{Draw, generator};
use super::vec3::Vec3;
use rand_pcg::Pcg64Mcg;

/// What the face does; 0 (and 1 for the lids) is rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expression {
    pub smile: f64,
    pub open: f64,
    pub teeth: f64,
    pub pucker: f64,
    pub skew: f64,
    pub brows: f64,
    pub brow_tilt: f64,
    pub frown: f64,
    pub sad: f64,
    /// Picture's left and right eye: 0 shut, 1 open.
    pub lids: (f64, f64),
    /// Right and down, each `-1..=1`.
    pub gaze: (f64, f64),
}

impl Expression {
    pub(super) fn rest() -> Self {
        Self {
            smile: 0.0,
            open: 0.0,
            teeth: 0.0,
            pucker: 0.0,
            skew: 0.0,
            brows: 0.0,
            brow_tilt: 0.0,
            frown: 0.0,
            sad: 0.0,
            lids: (1.0, 1.0),
            gaze: (0.0, 0.0),
        }
    }

    fn neutral(r: &mut Pcg64Mcg) -> Self {
        let lids = r.about(0.97, 0.06);
        Self {
            smile: r.about(0.05, 0.08),
            brows: r.about(0.0, 0.12),
            frown: r.range(0.0, 0.2),
            skew: r.about(0.0, 0.06),
            lids: (lids, lids),
            gaze: (r.about(0.0, 0.12), r.about(0.0, 0.08)),
            ..Self::rest()
        }
    }

    fn happy(r: &mut Pcg64Mcg) -> Self {
        let lids = r.range(0.55, 0.9);
        let teeth = if r.chance(0.6) { r.range(0.5, 1.0) } else { 0.0 };
        Self {
            smile: r.range(0.6, 1.1),
            teeth,
            brows: r.about(0.1, 0.15),
            frown: 0.0,
            lids: (lids, lids),
            ..Self::neutral(r)
        }
    }

    /// Anything: `strength` 1 is a grimace.
    fn wild(r: &mut Pcg64Mcg, strength: f64) -> Self {
        let mut e = Self::neutral(r);
        e.gaze = (r.about(0.0, 0.35), r.about(0.0, 0.2));
        match r.range(0.0, 7.0) as usize {
            0 => (e.open, e.brows, e.lids) = (r.range(0.5, 1.0) * strength, r.range(0.3, 1.0), (1.15, 1.15)),
            1 => (e.smile, e.teeth, e.open) = (r.range(0.7, 1.2), 1.0, r.range(0.1, 0.45) * strength),
            2 => (e.lids, e.smile) = (if r.chance(0.5) { (0.0, 1.0) } else { (1.0, 0.0) }, r.range(0.1, 0.7)),
            3 => (e.frown, e.brows, e.smile, e.lids) = (r.range(0.6, 1.1), -0.35, -0.7 * strength, (0.8, 0.8)),
            4 => (e.pucker, e.brows) = (r.range(0.5, 1.0), r.range(-0.2, 0.6)),
            5 => (e.lids, e.sad, e.smile) = ((0.0, 0.0), r.range(0.0, 0.5), r.range(-0.5, 0.5)),
            _ => {
                (e.smile, e.skew, e.brow_tilt) = (r.range(-0.6, 0.5), r.range(-1.5, 1.5) * strength, r.range(-0.7, 0.7))
            }
        }
        e
    }
}

/// Where the light comes from and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    /// Towards the lamp.
    pub direction: Vec3,
    pub key: f64,
    pub ambient: f64,
    /// 0 is neutral, 1 is warm, -1 is cold.
    pub warmth: f64,
}

/// One picture's circumstances.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// Radians: yaw, pitch, roll.
    pub pose: (f64, f64, f64),
    pub expression: Expression,
    pub light: Light,
    /// Distance of the camera.
    pub distance: f64,
    /// A classroom board behind the person, else anything.
    pub studio: bool,
    pub noise: f64,
    pub blur: f64,
    /// Fractions of the picture, from its middle; and a factor of the usual size.
    pub shift: (f64, f64),
    pub zoom: f64,
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

fn lamp(r: &mut Pcg64Mcg, sideways: f64) -> Light {
    let direction = Vec3::new(r.range(-sideways, sideways), r.range(-0.9, -0.2), 1.0).unit();
    Light { direction, key: r.range(0.62, 0.9), ambient: r.range(0.22, 0.42), warmth: r.about(0.1, 0.25) }
}

impl Situation {
    /// One of the six poses (`1..=6`) of the IMM face database, of picture `index`.
    pub(super) fn imm(seed: u64, index: u64, pose: usize) -> Self {
        let r = &mut generator(seed, 2, index);
        let yaw = match pose {
            3 => -r.range(18.0, 34.0),
            4 => r.range(18.0, 34.0),
            6 => r.about(0.0, 5.0),
            _ => r.about(0.0, 2.5),
        };
        let spread = if pose == 6 { 5.0 } else { 2.0 };
        let expression = match pose {
            2 => Expression::happy(r),
            6 => Expression::wild(r, 0.8),
            _ => Expression::neutral(r),
        };
        let mut light = lamp(r, 0.4);
        if pose == 5 {
            // The spot light stands at the picture's right.
            light = Light {
                direction: Vec3::new(r.range(1.2, 2.2), r.range(-0.7, -0.1), 1.0).unit(),
                key: 1.2,
                ambient: 0.13,
                ..light
            };
        }
        Self {
            pose: (yaw * DEGREE, r.about(0.0, 1.5 * spread) * DEGREE, r.about(0.0, spread) * DEGREE),
            expression,
            light,
            distance: r.range(9.0, 14.0),
            studio: true,
            noise: r.range(0.004, 0.014),
            blur: r.range(0.2, 0.8),
            shift: (r.about(0.01, 0.03), r.about(-0.045, 0.03)),
            zoom: r.about(1.0, 0.055),
        }
    }

    /// A picture as found on the web; `hard` has stronger poses, expressions and light.
    pub(super) fn wild(seed: u64, index: u64, hard: bool) -> Self {
        let r = &mut generator(seed, 3, index);
        let k = if hard { 1.0 } else { 0.55 };
        let expression = match r.range(0.0, 1.0) {
            u if hard || u < 0.2 => Expression::wild(r, 1.0),
            u if u < 0.6 => Expression::happy(r),
            _ => Expression::neutral(r),
        };
        let mut light = lamp(r, if hard { 2.0 } else { 0.9 });
        if r.chance(0.15) {
            light = Light { key: 1.15, ambient: 0.14, ..light };
        }
        let wide = if hard { 34.0 } else { 30.0 };
        Self {
            pose: (
                r.about(0.0, 24.0 * k).clamp(-wide, wide) * DEGREE,
                r.about(0.0, 11.0 * k) * DEGREE,
                r.about(0.0, 14.0 * k) * DEGREE,
            ),
            expression,
            light,
            distance: r.range(6.0, 16.0),
            studio: false,
            noise: r.range(0.002, if hard { 0.04 } else { 0.02 }),
            blur: r.range(0.0, if hard { 1.8 } else { 1.1 }),
            shift: (r.about(0.0, 0.012), r.about(0.0, 0.012)),
            zoom: r.about(1.0, 0.02),
        }
    }
}

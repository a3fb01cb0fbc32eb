//! Who is drawn: what stays the same in all pictures of one person.

use super::random::{Draw, generator};

/// A color, linear light, red, green, blue.
pub(super) type Color = [f32; 3];

/// From a screen color `0..=255`.
pub(super) fn screen(r: u8, g: u8, b: u8) -> Color {
    [r, g, b].map(|v| (f32::from(v) / 255.0).powf(2.2))
}

pub(super) fn mix(a: Color, b: Color, t: f32) -> Color {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

pub(super) fn times(a: Color, k: f32) -> Color {
    a.map(|v| v * k)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hair {
    Bald,
    Ring,
    Buzz,
    Short,
    Fringe,
    Curly,
    Long,
    LongFringe,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Beard {
    None,
    Stubble,
    Moustache,
    Goatee,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Clothes {
    Crew,
    VNeck,
    Turtleneck,
    Shirt,
}

/// Wire around the eyes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glasses {
    pub width: f64,
    pub height: f64,
    /// 2 is an ellipse, larger ones have corners.
    pub power: f64,
    pub wire: f64,
    pub color: Color,
}

/// Lengths are factors near 1, or units of the distance between the outer eye corners where they add.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub female: bool,
    pub face_width: f64,
    pub jaw_width: f64,
    pub chin: f64,
    pub skull: f64,
    pub cheeks: f64,
    pub eye_size: f64,
    pub eye_open: f64,
    pub eye_tilt: f64,
    pub eye_gap: f64,
    pub brow_height: f64,
    pub brow_arch: f64,
    pub brow_thickness: f64,
    pub nose_length: f64,
    pub nose_width: f64,
    pub nose_height: f64,
    pub mouth_height: f64,
    pub mouth_width: f64,
    pub lip_upper: f64,
    pub lip_lower: f64,
    pub age: f64,
    pub skin: Color,
    pub lips: Color,
    pub blush: f32,
    pub freckles: bool,
    pub hair: Hair,
    pub hair_color: Color,
    pub hair_volume: f64,
    pub parting: f64,
    pub hairline: f64,
    pub iris: Color,
    pub beard: Beard,
    pub glasses: Option<Glasses>,
    pub clothes: Clothes,
    pub cloth: Color,
    pub cloth_two: Color,
    pub stripes: bool,
    /// Of the noise in skin, hair and cloth.
    pub salt: u32,
}

const SKINS: [(u8, u8, u8); 7] =
    [(232, 192, 166), (228, 184, 154), (216, 168, 136), (198, 148, 114), (170, 120, 88), (128, 86, 62), (92, 62, 46)];
const HAIRS: [(u8, u8, u8); 8] = [
    (26, 20, 18),
    (44, 30, 22),
    (70, 46, 30),
    (104, 72, 44),
    (150, 108, 62),
    (198, 160, 100),
    (128, 58, 28),
    (150, 148, 146),
];
const IRISES: [(u8, u8, u8); 6] =
    [(70, 44, 26), (92, 60, 32), (106, 88, 50), (84, 110, 78), (84, 122, 154), (116, 140, 156)];
const CLOTHS: [(u8, u8, u8); 10] = [
    (34, 34, 40),
    (200, 200, 198),
    (120, 122, 126),
    (36, 52, 92),
    (110, 34, 36),
    (46, 84, 62),
    (170, 150, 120),
    (84, 60, 96),
    (186, 116, 52),
    (70, 112, 140),
];

impl Person {
    /// Person `number` of a seed.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let r = &mut generator(seed, 1, number);
        let female = r.chance(0.4);
        let darkness = r.range(0.0, 1.0f64).powf(1.6) * (SKINS.len() - 1) as f64;
        let (low, part) = (darkness as usize, darkness.fract() as f32);
        let tone = |i: usize| SKINS[i.min(SKINS.len() - 1)];
        let rgb = |(r, g, b)| screen(r, g, b);
        let skin = mix(rgb(tone(low)), rgb(tone(low + 1)), part);
        let skin = [skin[0] * r.range(0.94, 1.06) as f32, skin[1], skin[2] * r.range(0.9, 1.08) as f32];
        let age = r.range(0.0, 1.0);
        // Dark skin goes with dark hair and eyes, most of the time.
        let hair_color = match darkness {
            d if d > 3.5 => rgb(HAIRS[if r.chance(0.85) { 0 } else { 1 }]),
            _ if age > 0.85 => rgb(HAIRS[7]),
            _ => rgb(r.pick(&HAIRS[..7])),
        };
        let iris = rgb(if darkness > 3.5 { r.pick(&IRISES[..2]) } else { r.pick(&IRISES) });
        let hair = if female {
            r.pick(&[
                Hair::Long,
                Hair::Long,
                Hair::LongFringe,
                Hair::LongFringe,
                Hair::Fringe,
                Hair::Curly,
                Hair::Short,
            ])
        } else if age > 0.6 {
            r.pick(&[Hair::Bald, Hair::Ring, Hair::Ring, Hair::Buzz, Hair::Short, Hair::Short])
        } else {
            r.pick(&[
                Hair::Buzz,
                Hair::Short,
                Hair::Short,
                Hair::Short,
                Hair::Fringe,
                Hair::Fringe,
                Hair::Curly,
                Hair::Bald,
            ])
        };
        let beard = match female {
            true => Beard::None,
            false => r.pick(&[
                Beard::None,
                Beard::None,
                Beard::None,
                Beard::Stubble,
                Beard::Moustache,
                Beard::Goatee,
                Beard::Full,
                Beard::Full,
            ]),
        };
        let lip_red = if female { r.range(0.25, 0.9) } else { r.range(0.1, 0.4) } as f32;
        let cloth = r.pick(&CLOTHS);
        Self {
            female,
            face_width: r.about(if female { 0.98 } else { 1.0 }, 0.035),
            jaw_width: r.about(if female { 0.95 } else { 1.02 }, 0.045),
            chin: r.about(if female { 0.95 } else { 1.02 }, 0.06),
            skull: r.about(1.0, 0.04),
            cheeks: r.about(1.0, 0.3),
            eye_size: r.about(if female { 1.06 } else { 1.0 }, 0.05),
            eye_open: r.about(if female { 1.08 } else { 1.0 }, 0.12),
            eye_tilt: r.about(0.005, 0.015),
            eye_gap: r.about(0.0, 0.012),
            brow_height: r.about(if female { 0.02 } else { 0.0 }, 0.02),
            brow_arch: r.about(if female { 1.15 } else { 1.0 }, 0.2),
            brow_thickness: r.about(if female { 0.7 } else { 1.05 }, 0.15),
            nose_length: r.about(1.0, 0.05),
            nose_width: r.about(if female { 0.94 } else { 1.02 }, 0.07),
            nose_height: r.about(1.0, 0.12),
            mouth_height: r.about(0.0, 0.022),
            mouth_width: r.about(1.0, 0.06),
            lip_upper: r.about(if female { 1.1 } else { 0.95 }, 0.16),
            lip_lower: r.about(if female { 1.1 } else { 1.0 }, 0.14),
            age,
            skin,
            lips: mix(
                [skin[0] * 0.72, skin[1] * 0.5, skin[2] * 0.52],
                [skin[0] * 0.66, skin[1] * 0.2, skin[2] * 0.27],
                lip_red,
            ),
            blush: r.range(0.1, 0.6) as f32,
            freckles: darkness < 2.0 && r.chance(0.2),
            hair,
            hair_color,
            hair_volume: r.about(1.0, 0.2),
            parting: r.range(-1.0, 1.0),
            hairline: r.about(0.0, 0.035) - if age > 0.6 && !female { 0.08 } else { 0.0 },
            iris,
            beard,
            glasses: r.chance(0.22).then(|| Glasses {
                width: r.range(0.21, 0.25),
                height: r.range(0.14, 0.2),
                power: r.range(2.0, 4.0),
                wire: r.range(0.014, 0.034),
                color: rgb(r.pick(&[(24, 22, 22), (90, 60, 36), (120, 120, 124), (60, 24, 26), (30, 40, 70)])),
            }),
            clothes: r.pick(&[Clothes::Crew, Clothes::Crew, Clothes::VNeck, Clothes::Turtleneck, Clothes::Shirt]),
            cloth: rgb(cloth),
            cloth_two: rgb(r.pick(&CLOTHS)),
            stripes: r.chance(0.25),
            salt: r.range(0.0, 1e9) as u32,
        }
    }
}

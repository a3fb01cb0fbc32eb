//! How a wing looks: a pale ground, a translucent membrane, dark veins and a darker outline, photographed.

use super::{Place, shape::Shape, stroke::Strokes};
use crate::synthetic::{
    background::blend,
    finish::photograph,
    person::{Color, mix, screen, times},
    polygon::Patch,
    random::{Draw, generator, noise, noise2},
};
use candle_vision_helpers::Point;
use image::RgbImage;
use rand_pcg::Pcg64Mcg;
use std::f64::consts::TAU;

const TINTS: [(u8, u8, u8); 6] =
    [(222, 214, 190), (196, 160, 96), (120, 104, 88), (176, 186, 170), (150, 110, 70), (205, 205, 210)];
const DARKS: [(u8, u8, u8); 3] = [(34, 22, 14), (24, 20, 18), (44, 26, 14)];
const INKS: [(u8, u8, u8); 3] = [(120, 150, 190), (120, 170, 130), (190, 140, 120)];

/// Half the width, in pixels, of the hinge at the root.
const HINGE: f64 = 2.2;

/// Wing `index` of a seed as a picture.
pub(super) fn picture(shape: &Shape, place: &Place, seed: u64, index: u64) -> RgbImage {
    let r = &mut generator(seed, 9, index);
    let (width, height) = (place.width, place.height);
    let seen = |line: &[Point]| -> Vec<Point> { line.iter().map(|&p| place.at(p)).collect() };
    let mut picture = ground(r, width, height);
    let mut outline = seen(&shape.outline());
    let tints = [pick(r, &TINTS), pick(r, &TINTS)];
    let dark = pick(r, &DARKS);
    membrane(r, &mut picture, width, &Patch::fill(&outline, width, height, 0), tints);
    if r.chance(0.6) {
        let (spot, opacity) = (seen(&shape.spot()), r.range(0.45, 0.8) as f32);
        let color = mix(dark, tints[0], 0.25);
        blend(&mut picture, width, &Patch::fill(&spot, width, height, 0), opacity, |_| color);
    }
    let mut veins = Strokes::new(width, height);
    let thick = r.range(0.7, 1.05);
    for vein in shape.veins() {
        veins.add(&seen(&vein), (thick, 0.6 * thick));
    }
    for ends in shape.cross_veins() {
        veins.add(&seen(&ends), (0.7 * thick, 0.7 * thick));
    }
    veins.paint(&mut picture, mix(dark, tints[0], r.range(0.05, 0.2) as f32), r.range(0.85, 1.0) as f32);
    let mut edge = Strokes::new(width, height);
    let (root, half) = (place.root, r.range(0.8, 1.2));
    outline.extend(outline.first().copied());
    edge.add(&outline, (half, half));
    edge.add(&[root, root], (HINGE, HINGE));
    edge.paint(&mut picture, dark, r.range(0.9, 1.0) as f32);
    let exposure = r.range(0.75, 1.1) as f32;
    picture.iter_mut().for_each(|c| *c = times(*c, exposure));
    let (blur, noise) = (r.range(0.3, 0.8), r.range(0.002, 0.014));
    photograph(picture, width, (blur, noise), r.chance(0.1), salt(r))
}

/// One of some screen colors.
fn pick(r: &mut Pcg64Mcg, colors: &[(u8, u8, u8)]) -> Color {
    let (red, green, blue) = r.pick(colors);
    screen(red, green, blue)
}

fn salt(r: &mut Pcg64Mcg) -> u32 {
    r.range(0.0, 1e9) as u32
}

/// Paper or a wall in soft light; some of it is ruled.
fn ground(r: &mut Pcg64Mcg, width: usize, height: usize) -> Vec<Color> {
    let (from, to) = (pale(r), pale(r));
    let (sin, cos) = r.range(0.0, TAU).sin_cos();
    let (cloud, size, salt) = (r.range(0.0, 0.5) as f32, r.range(2.0, 9.0), salt(r));
    let side = width.max(height) as f64;
    let mut ground: Vec<Color> = (0..width * height)
        .map(|i| {
            let (x, y) = ((i % width) as f64 / side - 0.5, (i / width) as f64 / side - 0.5);
            let clouds = cloud * (noise2((x * size) as f32, (y * size) as f32, salt) - 0.5);
            mix(from, to, ((0.5 + x * cos + y * sin) as f32 + clouds).clamp(0.0, 1.0))
        })
        .collect();
    if r.chance(0.3) {
        rule(r, &mut ground, width);
    }
    ground
}

/// Bright enough for the outline to be the darkest line.
fn pale(r: &mut Pcg64Mcg) -> Color {
    let level = r.range(0.3, 0.85);
    std::array::from_fn(|_| (level * r.range(0.88, 1.12)) as f32)
}

/// Rules squares, as on graph paper that lies a little askew.
fn rule(r: &mut Pcg64Mcg, ground: &mut [Color], width: usize) {
    let (sin, cos) = r.range(-0.2, 0.2).sin_cos();
    let (space, half) = (r.range(9.0, 26.0), r.range(0.3, 0.7));
    let (ink, opacity) = (pick(r, &INKS), r.range(0.2, 0.55) as f32);
    let line = |v: f64| (half + 0.5 - (v - space * (v / space).round()).abs()).clamp(0.0, 1.0) as f32;
    for (i, pixel) in ground.iter_mut().enumerate() {
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        *pixel = mix(*pixel, ink, opacity * line(x * cos + y * sin).max(line(y * cos - x * sin)));
    }
}

/// Lays a translucent, cloudy skin over what is inside.
fn membrane(r: &mut Pcg64Mcg, picture: &mut [Color], width: usize, inside: &Patch, tints: [Color; 2]) {
    let (opacity, grain, salt) = (r.range(0.25, 0.65) as f32, r.range(6.0, 24.0) as f32, salt(r));
    for (x, y, alpha) in inside.pixels() {
        let (u, v) = (x as f32 / grain, y as f32 / grain);
        let light = 0.85 + 0.3 * noise(3.0 * u, 3.0 * v, salt ^ 1);
        let skin = times(mix(tints[0], tints[1], noise2(u, v, salt)), light);
        if let Some(pixel) = picture.get_mut(y * width + x) {
            *pixel = mix(*pixel, skin, alpha.min(1.0) * opacity);
        }
    }
}

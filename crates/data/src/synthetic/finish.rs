//! From light to a photograph: blur, exposure, a darker rim, sensor noise, eight bits.

use super::{person::Color, random::hash};
use image::{Rgb, RgbImage};

/// Linear colors of `width` columns to a picture; grey ones repeat their channel. The blur is a Gaussian's standard
/// deviation in pixels, the noise that of a pixel's level, `0..=1`.
pub(super) fn photograph(
    light: Vec<Color>,
    width: usize,
    (blur, noise): (f64, f64),
    grey: bool,
    salt: u32,
) -> RgbImage {
    let height = light.len() / width;
    let light = blurred(light, width, blur as f32);
    // Square root between two table entries is far below a grey level.
    let table: Vec<f32> = (0..=4096).map(|i| (i as f32 / 4096.0).powf(1.0 / 2.2)).collect();
    let level = |v: f32| table[(shoulder(v.max(0.0)) * 4096.0) as usize];
    let noise = noise as f32 / 0.41;
    let mut out = RgbImage::new(width as u32, height as u32);
    for (i, (pixel, c)) in out.pixels_mut().zip(&light).enumerate() {
        let (x, y) = (i % width, i / width);
        let (dx, dy) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
        let rim = 1.0 - 0.35 * (dx * dx + dy * dy);
        let mut v = c.map(|v| level(v * rim));
        if grey {
            v = [0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2]; 3];
        }
        let grain = |k: u32| {
            let (x, y) = (x as i32, y as i32);
            // The sum of two uniform draws has a standard deviation of 0.41.
            (hash(x, y, salt ^ k) + hash(x, y, salt ^ k ^ 0x5000) - 1.0) * noise
        };
        let common = grain(1);
        let byte = |k: usize| {
            let own = if grey { 0.0 } else { 0.6 * grain(2 + k as u32) };
            ((v[k] + common + own) * 255.0 + 0.5).clamp(0.0, 255.0) as u8
        };
        *pixel = Rgb([byte(0), byte(1), byte(2)]);
    }
    out
}

/// Bright light saturates softly.
fn shoulder(v: f32) -> f32 {
    if v < 0.7 { v } else { (0.7 + 0.3 * (1.0 - (-(v - 0.7) / 0.3).exp())).min(1.0) }
}

/// A Gaussian of `sigma` pixels, with repeated edges.
fn blurred(light: Vec<Color>, width: usize, sigma: f32) -> Vec<Color> {
    if sigma < 0.3 {
        return light;
    }
    let reach = (2.0 * sigma).ceil() as usize;
    let weights: Vec<f32> =
        (0..=2 * reach).map(|i| (-0.5 * ((i as f32 - reach as f32) / sigma).powi(2)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let weights: Vec<f32> = weights.iter().map(|w| w / total).collect();
    let height = light.len() / width;
    let pass = |from: &[Color], across: bool| -> Vec<Color> {
        (0..from.len())
            .map(|i| {
                let (x, y) = (i % width, i / width);
                let mut sum = [0.0; 3];
                for (k, w) in weights.iter().enumerate() {
                    let j = if across {
                        y * width + (x + k).saturating_sub(reach).min(width - 1)
                    } else {
                        (y + k).saturating_sub(reach).min(height - 1) * width + x
                    };
                    (0..3).for_each(|c| sum[c] += from[j][c] * w);
                }
                sum
            })
            .collect()
    };
    pass(&pass(&light, true), false)
}

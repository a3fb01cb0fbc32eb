//! Changes of a view's colors: blur, grey, color, contrast, brightness, noise, cut-out, erasing, in this order.

use super::augment::{Augment, symmetric};
use ndarray::Array3;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use std::ops::RangeInclusive;

/// Share of red, green and blue in grey (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// All random choices of one view except for the noise of each pixel, drawn at once in a fixed order.
struct Choices {
    blur: bool,
    /// Width of the blur, view pixels.
    sigma: f64,
    grey: bool,
    /// A factor for each channel.
    color: [f32; 3],
    contrast: f32,
    brightness: f32,
    /// Standard deviation of the noise.
    noise: f32,
    cutout: bool,
    /// Left, top, width, height and value of the rectangle, each `0..1`.
    patch: [f64; 5],
}

impl Choices {
    fn draw(amounts: &Augment, side: usize, rng: &mut Pcg64Mcg) -> Self {
        Self {
            blur: rng.random::<f64>() < amounts.blur,
            sigma: rng.random::<f64>() * 1.5 * side as f64 / 128.0,
            grey: rng.random::<f64>() < amounts.grey,
            color: std::array::from_fn(|_| (1.0 + amounts.color * symmetric(rng)) as f32),
            contrast: (1.0 + amounts.contrast * symmetric(rng)) as f32,
            brightness: (amounts.brightness * symmetric(rng)) as f32,
            noise: (amounts.noise * rng.random::<f64>()) as f32,
            cutout: rng.random::<f64>() < amounts.cutout,
            patch: std::array::from_fn(|_| rng.random()),
        }
    }
}

/// A rectangle that is erased, drawn from a stream of its own, so that runs from before it repeat.
struct Erased {
    /// Left, top, width and height, each `0..1`.
    patch: [f64; 4],
    color: [f32; 3],
}

impl Erased {
    fn draw(amounts: &Augment, rng: &Pcg64Mcg) -> Option<Self> {
        let mut own = Pcg64Mcg::new(rng.clone().random::<u128>() ^ u128::from_le_bytes(*b"an erased square"));
        let hit = own.random::<f64>() < amounts.erase;
        let (patch, color) =
            (std::array::from_fn(|_| own.random()), std::array::from_fn(|_| own.random::<f64>() as f32));
        hit.then_some(Self { patch, color })
    }
}

impl Augment {
    /// Changes the colors of a view `(C, H, W)` in `0..=1`; the result stays within.
    pub fn photometric(&self, view: &mut Array3<f32>, rng: &mut Pcg64Mcg) {
        let (channels, height, width) = view.dim();
        let erased = Erased::draw(self, rng);
        let choices = Choices::draw(self, width.max(height), rng);
        if !view.is_standard_layout() {
            *view = view.as_standard_layout().into_owned();
        }
        let Some(values) = view.as_slice_mut() else { return };
        let plane = width * height;
        if values.is_empty() {
            return;
        }
        if choices.blur {
            values.chunks_exact_mut(plane).for_each(|channel| blur(channel, width, choices.sigma));
        }
        if choices.grey && channels == 3 {
            to_grey(values, plane);
        }
        // Color, contrast and brightness are one factor and one addend a channel.
        for (channel, factor) in values.chunks_exact_mut(plane).zip(choices.color) {
            scale(channel, factor, 0.0);
        }
        let mean = (values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64) as f32;
        scale(values, choices.contrast, mean * (1.0 - choices.contrast) + choices.brightness);
        if choices.noise > 0.0 {
            for v in values.iter_mut() {
                let normal: f32 = StandardNormal.sample(rng);
                *v += choices.noise * normal;
            }
        }
        if choices.cutout {
            let [patch @ .., value] = choices.patch;
            fill(values, width, height, (patch, 0.0..=0.4), [value as f32; 3]);
        }
        if let Some(Erased { patch, color }) = erased {
            fill(values, width, height, (patch, 0.125..=0.375), color);
        }
        values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
    }
}

fn scale(values: &mut [f32], factor: f32, addend: f32) {
    if factor != 1.0 || addend != 0.0 {
        values.iter_mut().for_each(|v| *v = factor * *v + addend);
    }
}

fn to_grey(values: &mut [f32], plane: usize) {
    let (red, rest) = values.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let luma = LUMA[0] * *r + LUMA[1] * *g + LUMA[2] * *b;
        (*r, *g, *b) = (luma, luma, luma);
    }
}

/// Fills a rectangle, each of whose sides is within `share` of the view's, with a color.
fn fill(
    values: &mut [f32],
    width: usize,
    height: usize,
    ([left, top, w, h], share): ([f64; 4], RangeInclusive<f64>),
    color: [f32; 3],
) {
    let range = |at: f64, extent: f64, side: usize| {
        let extent = share.start() + extent * (share.end() - share.start());
        let extent = (extent * side as f64).round() as usize;
        let first = (at * (side - extent + 1) as f64) as usize;
        first..(first + extent).min(side)
    };
    let (columns, rows) = (range(left, w, width), range(top, h, height));
    for (channel, value) in values.chunks_exact_mut(width * height).zip(color) {
        for row in channel.chunks_exact_mut(width).take(rows.end).skip(rows.start) {
            row[columns.clone()].fill(value);
        }
    }
}

/// Gaussian blur of one channel, rows then columns, edges repeated.
fn blur(channel: &mut [f32], width: usize, sigma: f64) {
    let radius = (3.0 * sigma).ceil() as usize;
    if sigma <= 0.0 || radius == 0 {
        return;
    }
    let mut kernel: Vec<f32> =
        (0..=2 * radius).map(|i| (-0.5 * ((i as f64 - radius as f64) / sigma).powi(2)).exp() as f32).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|k| *k /= sum);

    let height = channel.len() / width;
    // One tap at a time over whole rows: long loops that the compiler vectorises.
    let add = |target: &mut [f32], source: &[f32], k: f32| target.iter_mut().zip(source).for_each(|(t, s)| *t += k * s);
    let mut padded = vec![0.0; width + 2 * radius];
    for row in channel.chunks_exact_mut(width) {
        padded[..radius].fill(row[0]);
        padded[radius..radius + width].copy_from_slice(row);
        padded[radius + width..].fill(row[width - 1]);
        row.fill(0.0);
        for (i, &k) in kernel.iter().enumerate() {
            add(row, &padded[i..], k);
        }
    }
    let rows = channel.to_vec();
    for (y, row) in channel.chunks_exact_mut(width).enumerate() {
        row.fill(0.0);
        for (i, &k) in kernel.iter().enumerate() {
            let from = (y + i).saturating_sub(radius).min(height - 1);
            add(row, &rows[from * width..][..width], k);
        }
    }
}

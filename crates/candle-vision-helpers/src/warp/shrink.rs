//! Shrinks whole pictures by the exact mean over each new pixel's area.
//!
//! Written out instead of taken from a crate: it is some lines, reads 8-bit rows in long loops, and spares every build
//! the generic resizers.

use crate::{affine::Affine, geom::Size};
use image::RgbImage;
use std::ops::Range;

/// Shrinks `source` by the whole-picture factor `scale` (0 < scale ≤ 1), antialiased. Returns the smaller picture
/// and the exact map from source pixels to its pixels.
///
/// Sides are rounded to whole pixels (at least one), so the two axes of the map differ slightly. Other factors return
/// the picture as it is.
pub fn shrink(source: &RgbImage, scale: f64) -> (RgbImage, Affine) {
    let side = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).clamp(1, pixels.max(1));
    let (width, height) = (side(source.width()), side(source.height()));
    let map = Affine::rect_to_size(Size::of(source).area(), Size::new(width as usize, height as usize));
    match map {
        Ok(map) if scale > 0.0 && scale < 1.0 && (width, height) != source.dimensions() => {
            (average(source, width, height), map)
        }
        _ => (source.clone(), Affine::IDENTITY),
    }
}

/// The mean over each new pixel's area: rows first, then columns.
fn average(source: &RgbImage, width: u32, height: u32) -> RgbImage {
    let columns: Vec<Span> = spans(source.width(), width).collect();
    let mut target = RgbImage::new(width, height);
    let stride = source.width() as usize * 3;
    let mut sums = vec![0f32; stride];
    let rows = target.chunks_exact_mut(width as usize * 3);
    for (out, span) in rows.zip(spans(source.height(), height)) {
        sums.fill(0.0);
        for (row, weight) in source.chunks_exact(stride).skip(span.pixels.start).zip(span.weights()) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * f32::from(value);
            }
        }
        for (pixel, span) in out.chunks_exact_mut(3).zip(&columns) {
            let mut mean = [0.5; 3]; // rounds
            let part = &sums[span.pixels.start * 3..span.pixels.end * 3];
            for (values, weight) in part.chunks_exact(3).zip(span.weights()) {
                for (m, v) in mean.iter_mut().zip(values) {
                    *m += weight * v;
                }
            }
            pixel.copy_from_slice(&mean.map(|m| m as u8));
        }
    }
    target
}

/// The old pixels below one new pixel, in one direction; all inner ones weigh the same, the outer ones what they
/// overlap.
struct Span {
    pixels: Range<usize>,
    first: f32,
    inner: f32,
    last: f32,
}

impl Span {
    fn weights(&self) -> impl Iterator<Item = f32> {
        let last = self.pixels.len() - 1;
        (0..=last).map(move |i| match i {
            0 => self.first,
            i if i == last => self.last,
            _ => self.inner,
        })
    }
}

/// The spans of `to` new pixels over `from` old ones (`to ≤ from`, neither 0).
fn spans(from: u32, to: u32) -> impl Iterator<Item = Span> {
    let (from, to) = (u64::from(from), u64::from(to));
    // In units of 1/to old pixels everything is whole.
    (0..to).map(move |i| {
        let (start, end) = (i * from, (i + 1) * from);
        let pixels = (start / to) as usize..end.div_ceil(to) as usize;
        let share = |part: u64| part as f32 / from as f32;
        let first = to - start % to;
        let last = (end - 1) % to + 1;
        let alone = pixels.len() == 1;
        Span { pixels, first: share(if alone { end - start } else { first }), inner: share(to), last: share(last) }
    })
}

//! Warps a picture through an [`Affine`] into a planar float picture; antialiased when shrinking.

mod plane;
mod resize;
mod shrink;
#[cfg(test)]
mod tests;

pub use resize::resize;
pub use shrink::shrink;

use crate::{
    affine::Affine,
    geom::{Point, Rect, Size},
};
use image::RgbImage;
use ndarray::Array3;
use plane::{Pixel, Plane};
use std::ops::Range;

/// Above this shrinkage the picture is first shrunk as a whole, which is cheaper than ever more taps.
const SHRINK_FIRST: f64 = 4.0;
/// Bounds the work of maps that squeeze one axis only.
const MOST_TAPS: f64 = 8.0;

/// What a view keeps of a picture's colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Luma alone (ITU-R BT.601): one channel.
    Luma,
    /// Red, green and blue: three channels.
    Rgb,
}

/// Warps `source` into a view of `size`: the value at view pixel `p` is the source at `to_view.unapply(p)`,
/// bilinear, averaged over the pixel's footprint when shrinking.
///
/// Returns `(C, H, W)` in `0..=1` with as many channels as asked for. Outside the source the nearest
/// edge pixel is repeated. A source without pixels gives black.
pub fn warp(source: &RgbImage, to_view: &Affine, size: Size, channels: Channels) -> Array3<f32> {
    let (across, down) = footprint(to_view);
    let least = across.min(down);
    if least > SHRINK_FIRST && source.width().max(source.height()) > 1 {
        let (small, to_small) = shrink(source, 2.0 / least);
        return warp_taps(&small, &to_small.inverse().then(to_view), size, channels);
    }
    warp_taps(source, to_view, size, channels)
}

/// The rectangle of whole pixels from `(x, y)`, cut out of `source`, and the map to its pixels; what lies outside is
/// dropped.
pub fn cut(source: &RgbImage, x: u32, y: u32, width: u32, height: u32) -> (RgbImage, Affine) {
    let (x, y) = (x.min(source.width()), y.min(source.height()));
    let part = image::imageops::crop_imm(source, x, y, width, height);
    (part.to_image(), Affine::translation(-f64::from(x), -f64::from(y)))
}

/// The lengths, in source pixels, of one view pixel's two sides.
fn footprint(to_view: &Affine) -> (f64, f64) {
    let [a, b, _, d, e, _] = to_view.inverse().coefficients();
    (a.hypot(d), b.hypot(e))
}

/// Averages `nx × ny` bilinear taps for each view pixel: about one tap for each source pixel that its footprint covers.
fn warp_taps(source: &RgbImage, to_view: &Affine, size: Size, channels: Channels) -> Array3<f32> {
    let count = match channels {
        Channels::Luma => 1,
        Channels::Rgb => 3,
    };
    let mut view = Array3::<f32>::zeros((count, size.height, size.width));
    if let Some(out) = view.as_slice_mut().filter(|out| !out.is_empty() && !source.is_empty()) {
        let taps = Taps::new(to_view);
        match channels {
            Channels::Luma => taps.fill(source, size, |at, value: f32| out[at] = value),
            Channels::Rgb => {
                let (red, rest) = out.split_at_mut(size.width * size.height);
                let (green, blue) = rest.split_at_mut(size.width * size.height);
                taps.fill(source, size, |at, [r, g, b, _]: [f32; 4]| (red[at], green[at], blue[at]) = (r, g, b));
            }
        }
    }
    view
}

/// Where view pixels are read in the source.
struct Taps {
    /// From view to source pixels.
    back: Affine,
    /// From a pixel's place in the source to its taps.
    offsets: Vec<(f64, f64)>,
    /// How far the taps lie away at most, in each direction.
    reach: (f64, f64),
}

impl Taps {
    fn new(to_view: &Affine) -> Self {
        let back = to_view.inverse();
        let [a, b, _, d, e, _] = back.coefficients();
        let (across, down) = footprint(to_view);
        // A little below the whole number, so that a map that shrinks by nothing but rounding stays at one tap.
        let count = |length: f64| (length - 0.1).ceil().clamp(1.0, MOST_TAPS) as usize;
        let (nx, ny) = (count(across), count(down));
        let place = |i: usize, n: usize| (i as f64 + 0.5) / n as f64 - 0.5;
        let offsets: Vec<(f64, f64)> = (0..ny)
            .flat_map(|j| (0..nx).map(move |i| (place(i, nx), place(j, ny))))
            .map(|(u, v)| (a * u + b * v, d * u + e * v))
            .collect();
        let reach = |pick: fn(&(f64, f64)) -> f64| offsets.iter().map(pick).fold(0.0, |m: f64, v| m.max(v.abs()));
        Self { back, reach: (reach(|o| o.0), reach(|o| o.1)), offsets }
    }

    /// Calls `put` with the index and the value in `0..=1` of every view pixel.
    fn fill<P: Pixel>(&self, source: &RgbImage, size: Size, mut put: impl FnMut(usize, P)) {
        let (columns, rows) = self.seen(source, size);
        let start = Point::new(f64::from(columns.start), f64::from(rows.start));
        let plane = Plane::<P>::new(source, columns, rows);
        let [a, b, c, d, e, f] = self.back.then(&Affine::translation(-start.x, -start.y)).coefficients();
        let fixed = plane::fixed;
        let fixed_offsets: Vec<(i64, i64)> = self.offsets.iter().map(|&(x, y)| (fixed(x), fixed(y))).collect();
        let (step_x, step_y) = (fixed(a), fixed(d));
        let factor = 1.0 / (255.0 * self.offsets.len() as f32);
        for y in 0..size.height {
            let row = Point::new(b * y as f64 + c, e * y as f64 + f);
            // All taps of these pixels lie inside the plane; the others need clamping.
            let inside = meet(
                span(a, row.x, self.reach.0, plane.last_x(), size.width),
                span(d, row.y, self.reach.1, plane.last_y(), size.width),
            );
            for x in (0..inside.start).chain(inside.end..size.width) {
                let (sx, sy) = (a * x as f64 + row.x, d * x as f64 + row.y);
                let sum = self.offsets.iter().fold(P::ZERO, |sum, (ox, oy)| sum.add(plane.clamped(sx + ox, sy + oy)));
                put(y * size.width + x, sum.scale(factor));
            }
            let first = inside.start as f64;
            let (mut sx, mut sy) = (fixed(a * first + row.x), fixed(d * first + row.y));
            for x in inside {
                let mut sum = P::ZERO;
                for &(ox, oy) in &fixed_offsets {
                    sum = sum.add(plane.inside(sx.wrapping_add(ox), sy.wrapping_add(oy)));
                }
                put(y * size.width + x, sum.scale(factor));
                sx = sx.wrapping_add(step_x);
                sy = sy.wrapping_add(step_y);
            }
        }
    }

    /// The columns and rows of the source that a view of `size` can touch; at least one of each, the nearest, since
    /// edges are repeated.
    fn seen(&self, source: &RgbImage, size: Size) -> (Range<u32>, Range<u32>) {
        let Rect { x, y, width, height } = size.area();
        let corners = [(x, y), (x + width, y), (x, y + height), (x + width, y + height)];
        let corners = corners.map(|(x, y)| self.back.apply(Point::new(x, y)));
        let Rect { x, y, width, height } = Rect::around(&corners).unwrap_or(size.area());
        let range = |from: f64, extent: f64, reach: f64, side: u32| {
            // One pixel for the tap's neighbor, one for rounding.
            let first = ((from - reach - 2.0).floor().max(0.0) as u32).min(side - 1);
            first..((from + extent + reach + 2.0).ceil().max(0.0) as u32).clamp(first + 1, side)
        };
        (range(x, width, self.reach.0, source.width()), range(y, height, self.reach.1, source.height()))
    }
}

/// The `x` in `0..width` for which `reach ≤ a x + b < last - reach`, with a margin above the rounding of fixed-point
/// numbers.
fn span(a: f64, b: f64, reach: f64, last: f64, width: usize) -> Range<usize> {
    const MARGIN: f64 = 1e-4;
    let (low, high) = (reach + MARGIN, last - reach - MARGIN);
    if low >= high {
        return 0..0;
    }
    if a.abs() < 1e-12 {
        return if (low..high).contains(&b) { 0..width } else { 0..0 };
    }
    let (p, q) = ((low - b) / a, (high - b) / a);
    let start = (p.min(q).ceil().max(0.0) as usize).min(width);
    let end = (p.max(q).floor() + 1.0).max(0.0) as usize;
    start..end.clamp(start, width)
}

fn meet(a: Range<usize>, b: Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

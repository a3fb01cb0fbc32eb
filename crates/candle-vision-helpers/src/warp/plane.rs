//! A picture as floating-point pixels, read by bilinear taps: the inner loop of every warp.

use image::RgbImage;
use std::ops::Range;

/// Positions are fixed-point numbers with this many fractional bits: exact steps, and `floor` is a shift.
const FRACTION: u32 = 32;

/// A position as a fixed-point number.
pub(super) fn fixed(v: f64) -> i64 {
    (v * (1u64 << FRACTION) as f64).round() as i64
}

/// Luma alone, or red, green, blue and an unused fourth value (four lanes make one vector register); `0..=255`.
pub(super) trait Pixel: Copy {
    const ZERO: Self;
    fn from_rgb(rgb: &[u8]) -> Self;
    fn add(self, other: Self) -> Self;
    fn scale(self, factor: f32) -> Self;
    /// `top` and `low`: two neighbors each.
    fn blend(top: [Self; 2], low: [Self; 2], fx: f32, fy: f32) -> Self;
}

impl Pixel for f32 {
    const ZERO: Self = 0.0;

    /// The luma of ITU-R BT.601.
    #[inline(always)]
    fn from_rgb(rgb: &[u8]) -> Self {
        0.299 * Self::from(rgb[0]) + 0.587 * Self::from(rgb[1]) + 0.114 * Self::from(rgb[2])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        self * factor
    }

    #[inline(always)]
    fn blend(top: [Self; 2], low: [Self; 2], fx: f32, fy: f32) -> Self {
        let t = top[0] + fx * (top[1] - top[0]);
        let l = low[0] + fx * (low[1] - low[0]);
        t + fy * (l - t)
    }
}

impl Pixel for [f32; 4] {
    const ZERO: Self = [0.0; 4];

    #[inline(always)]
    fn from_rgb(rgb: &[u8]) -> Self {
        [f32::from(rgb[0]), f32::from(rgb[1]), f32::from(rgb[2]), 0.0]
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|c| self[c] + other[c])
    }

    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        self.map(|v| v * factor)
    }

    #[inline(always)]
    fn blend(top: [Self; 2], low: [Self; 2], fx: f32, fy: f32) -> Self {
        std::array::from_fn(|c| f32::blend([top[0][c], top[1][c]], [low[0][c], low[1][c]], fx, fy))
    }
}

/// A part of a picture, row-major.
pub(super) struct Plane<P> {
    pixels: Vec<P>,
    width: usize,
    height: usize,
}

impl<P: Pixel> Plane<P> {
    /// Some `columns` and `rows` of `source`, not empty and within it.
    pub(super) fn new(source: &RgbImage, columns: Range<u32>, rows: Range<u32>) -> Self {
        let (width, height) = (columns.len(), rows.len());
        let (first, end) = (columns.start as usize * 3, columns.end as usize * 3);
        let mut pixels = Vec::with_capacity(width * height);
        for row in source.chunks_exact(source.width() as usize * 3).skip(rows.start as usize).take(height) {
            pixels.extend(row[first..end].chunks_exact(3).map(P::from_rgb));
        }
        Self { pixels, width, height }
    }

    /// The last column, as a position.
    pub(super) fn last_x(&self) -> f64 {
        self.width as f64 - 1.0
    }

    /// The last row, as a position.
    pub(super) fn last_y(&self) -> f64 {
        self.height as f64 - 1.0
    }

    /// A tap at a fixed-point position whose right and lower neighbors are inside the plane.
    #[inline(always)]
    pub(super) fn inside(&self, x: i64, y: i64) -> P {
        // The upper 24 fractional bits are a whole `f32`.
        let part = |v: i64| ((v as u32) >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32);
        let at = ((y >> FRACTION) as usize).wrapping_mul(self.width).wrapping_add((x >> FRACTION) as usize);
        match (self.pair(at), self.pair(at.wrapping_add(self.width))) {
            (Some(top), Some(low)) => P::blend(top, low, part(x), part(y)),
            _ => P::ZERO,
        }
    }

    #[inline(always)]
    fn pair(&self, at: usize) -> Option<[P; 2]> {
        self.pixels.get(at..at.wrapping_add(2))?.first_chunk().copied()
    }

    /// A tap anywhere: positions outside move to the nearest edge.
    pub(super) fn clamped(&self, x: f64, y: f64) -> P {
        let (x, y) = (x.clamp(0.0, self.last_x()), y.clamp(0.0, self.last_y()));
        let (x0, y0) = (x.floor(), y.floor());
        let (x1, y1) = ((x0 + 1.0).min(self.last_x()), (y0 + 1.0).min(self.last_y()));
        let pixel = |x: f64, y: f64| self.pixels.get(y as usize * self.width + x as usize).copied().unwrap_or(P::ZERO);
        let (top, low) = ([pixel(x0, y0), pixel(x1, y0)], [pixel(x0, y1), pixel(x1, y1)]);
        P::blend(top, low, (x - x0) as f32, (y - y0) as f32)
    }
}

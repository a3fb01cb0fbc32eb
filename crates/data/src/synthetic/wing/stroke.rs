//! Lines of a round pen, as opacities of a picture's pixels.

use crate::synthetic::person::{Color, mix};
use candle_vision_helpers::Point;

/// Opacities `0..=1` of `width × height` pixels. Where lines meet, the darker one counts, so that crossings are no
/// darker than lines.
pub(super) struct Strokes {
    width: usize,
    height: usize,
    alpha: Vec<f32>,
}

impl Strokes {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, alpha: vec![0.0; width * height] }
    }

    /// Adds a line; half of its width, in pixels, changes evenly between the two given ones.
    pub(super) fn add(&mut self, line: &[Point], (first, last): (f64, f64)) {
        let pieces = line.len().saturating_sub(1).max(1) as f64;
        for (i, (&a, &b)) in line.iter().zip(line.iter().skip(1)).enumerate() {
            self.piece(a, b, first + (last - first) * (i as f64 + 0.5) / pieces);
        }
    }

    fn piece(&mut self, a: Point, b: Point, half: f64) {
        // a pixel is covered by the half of it that its center is away from the line's edge
        let reach = half + 0.5;
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = (dx * dx + dy * dy).max(1e-12);
        for y in pixels(a.y.min(b.y) - reach, a.y.max(b.y) + reach, self.height) {
            for x in pixels(a.x.min(b.x) - reach, a.x.max(b.x) + reach, self.width) {
                let (px, py) = (x as f64 - a.x, y as f64 - a.y);
                let t = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let alpha = (reach - (px - t * dx).hypot(py - t * dy)).clamp(0.0, 1.0) as f32;
                if let Some(old) = self.alpha.get_mut(y * self.width + x) {
                    *old = old.max(alpha);
                }
            }
        }
    }

    /// Draws the lines over a picture of the same size.
    pub(super) fn paint(&self, picture: &mut [Color], color: Color, opacity: f32) {
        for (pixel, alpha) in picture.iter_mut().zip(&self.alpha) {
            *pixel = mix(*pixel, color, alpha * opacity);
        }
    }
}

/// The whole numbers below `end` from `low` to `high`.
fn pixels(low: f64, high: f64, end: usize) -> std::ops::Range<usize> {
    low.ceil().max(0.0) as usize..((high.floor() + 1.0).max(0.0) as usize).min(end)
}

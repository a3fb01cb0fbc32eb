//! A scanline polygon filler: exact horizontal coverage on four lines a pixel, as a patch of opacities.

use candle_vision_helpers::Point;

const LINES: usize = 4;

/// Opacities `0..=1` of a rectangle of pixels; pixel `(i, j)` covers half a pixel around `(i, j)`.
pub(super) struct Patch {
    pub x0: usize,
    pub y0: usize,
    pub width: usize,
    pub height: usize,
    pub alpha: Vec<f32>,
}

impl Patch {
    /// The inside (even-odd rule) of a closed polygon, within a picture of `width` by `height`, with `pad` free pixels
    /// around.
    pub(super) fn fill(polygon: &[Point], width: usize, height: usize, pad: usize) -> Self {
        let range = |values: &mut dyn Iterator<Item = f64>, end: usize| {
            let (lo, hi) = values.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
            let lo = (lo.floor() as i64 - pad as i64).clamp(0, end as i64) as usize;
            let hi = (hi.ceil() as i64 + 1 + pad as i64).clamp(lo as i64, end as i64) as usize;
            (lo, hi - lo)
        };
        let (x0, w) = range(&mut polygon.iter().map(|p| p.x), width);
        let (y0, h) = range(&mut polygon.iter().map(|p| p.y), height);
        let mut patch = Self { x0, y0, width: w, height: h, alpha: vec![0.0; w * h] };
        let mut crossings = Vec::new();
        for row in 0..h {
            let line = &mut patch.alpha[row * w..(row + 1) * w];
            for k in 0..LINES {
                let y = (y0 + row) as f64 - 0.5 + (k as f64 + 0.5) / LINES as f64;
                crossings.clear();
                let edges =
                    polygon.iter().zip(polygon.iter().cycle().skip(1)).filter(|(a, b)| (a.y <= y) != (b.y <= y));
                crossings.extend(edges.map(|(a, b)| a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y) + 0.5 - x0 as f64));
                crossings.sort_by(f64::total_cmp);
                for span in crossings.chunks_exact(2) {
                    cover(line, span[0], span[1]);
                }
            }
        }
        patch
    }

    /// Softens the edge: two box filters of `radius` pixels each way.
    pub(super) fn blurred(mut self, radius: usize) -> Self {
        if radius > 0 {
            let (w, h) = (self.width, self.height);
            for _ in 0..2 {
                (0..h).for_each(|y| box_filter(&mut self.alpha, y * w, 1, w, radius));
                (0..w).for_each(|x| box_filter(&mut self.alpha, x, w, h, radius));
            }
        }
        self
    }

    /// Only what `other` covers too.
    pub(super) fn within(mut self, other: &Self) -> Self {
        for y in 0..self.height {
            for x in 0..self.width {
                self.alpha[y * self.width + x] *= other.at(self.x0 + x, self.y0 + y);
            }
        }
        self
    }

    /// The opacity of a pixel of the picture.
    pub(super) fn at(&self, x: usize, y: usize) -> f32 {
        let inside = x >= self.x0 && y >= self.y0 && x < self.x0 + self.width && y < self.y0 + self.height;
        if inside { self.alpha[(y - self.y0) * self.width + x - self.x0] } else { 0.0 }
    }

    /// Every pixel with its opacity, where it has any.
    pub(super) fn pixels(&self) -> impl Iterator<Item = (usize, usize, f32)> + '_ {
        let w = self.width.max(1);
        self.alpha
            .iter()
            .enumerate()
            .filter(|(_, a)| **a > 0.002)
            .map(move |(i, &a)| (self.x0 + i % w, self.y0 + i / w, a))
    }
}

/// Adds one line's share of the span `a..b` (in pixels from the left edge of the first) to a row.
fn cover(row: &mut [f32], a: f64, b: f64) {
    let (a, b) = (a.max(0.0), b.min(row.len() as f64));
    if b <= a {
        return;
    }
    let (first, last) = (a as usize, (b.ceil() as usize).min(row.len()));
    for (i, v) in row.iter_mut().enumerate().take(last).skip(first) {
        let part = (b.min(i as f64 + 1.0) - a.max(i as f64)).max(0.0);
        *v += part as f32 / LINES as f32;
    }
}

/// The running mean of `2 radius + 1` values along a line of `count` values from `start`, `step` apart; zero beyond its
/// ends.
fn box_filter(data: &mut [f32], start: usize, step: usize, count: usize, radius: usize) {
    let line: Vec<f32> = (0..count).map(|i| data[start + i * step]).collect();
    let mut sum: f32 = line.iter().take(radius).sum();
    for i in 0..count {
        sum += line.get(i + radius).copied().unwrap_or(0.0);
        if i > radius {
            sum -= line[i - radius - 1];
        }
        data[start + i * step] = sum / (2 * radius + 1) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_between_pixels_covers_its_area() {
        let square = [(1.0, 1.25), (3.5, 1.25), (3.5, 2.75), (1.0, 2.75)].map(|(x, y)| Point::new(x, y));
        let patch = Patch::fill(&square, 8, 8, 0);
        let area: f32 = patch.alpha.iter().sum();
        assert!((area - 2.5 * 1.5).abs() < 1e-5, "{area}");
        assert!(
            (patch.at(1, 2) - 0.5).abs() < 1e-5 && (patch.at(2, 2) - 1.0).abs() < 1e-5,
            "half of the first column, all of the next"
        );
    }

    #[test]
    fn what_lies_outside_the_picture_is_cut() {
        let square = [(-9.0, -9.0), (2.0, -9.0), (2.0, 2.0), (-9.0, 2.0)].map(|(x, y)| Point::new(x, y));
        let patch = Patch::fill(&square, 4, 4, 2);
        assert!((patch.alpha.iter().sum::<f32>() - 2.5 * 2.5).abs() < 1e-5);
    }

    #[test]
    fn a_blur_keeps_the_sum_where_there_is_room() {
        let dot = [(8.0, 8.0), (10.0, 8.0), (10.0, 10.0), (8.0, 10.0)].map(|(x, y)| Point::new(x, y));
        let patch = Patch::fill(&dot, 20, 20, 6).blurred(2);
        assert!((patch.alpha.iter().sum::<f32>() - 4.0).abs() < 1e-4);
        assert!(patch.at(9, 9) < 0.5);
    }
}

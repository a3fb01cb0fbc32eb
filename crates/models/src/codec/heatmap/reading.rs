//! What one map says: where its point is, how sure that is, and how widely the map is spread.

use super::{HeatmapCodec, Target};
use crate::codec::profile;
use candle_vision_helpers::{
    Point,
    heatmap::{Decode, find_peak},
};

/// Cells around the estimate whose probability is the confidence.
pub(super) const NEAR: f64 = 2.0;

impl HeatmapCodec {
    /// Position in cells and confidence of one map of [`HeatmapCodec::readable`] values.
    pub(super) fn read(&self, map: &[f32]) -> (Point, f64) {
        let (w, h) = (self.width, self.height);
        let (at, peak) = match (self.config.target, self.config.decode) {
            (Target::Softmax, Decode::SoftArgmax) => (self.expected(map), 0.0),
            (_, decode) => find_peak(map, w, h, decode),
        };
        let confidence = match self.config.target {
            Target::Softmax => self.mass_near(map, at),
            _ => f64::from(peak),
        };
        // A map of NaN is a broken network: nothing to be confident of.
        (at, if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) })
    }

    fn expected(&self, map: &[f32]) -> Point {
        let (mut x, mut y) = (0.0, 0.0);
        for (j, row) in map.chunks_exact(self.width).enumerate() {
            let mut sum = 0.0;
            for (i, &v) in row.iter().enumerate() {
                sum += f64::from(v);
                x += f64::from(v) * profile::place(i, self.width);
            }
            y += sum * profile::place(j, self.height);
        }
        Point::new(x, y)
    }

    /// The root of the mean squared distance from the mean, cells; the map's diagonal for a map of nothing.
    pub(super) fn deviation(&self, map: &[f32]) -> f64 {
        let (mut sum, mut first, mut second) = (0.0, Point::new(0.0, 0.0), 0.0);
        for (j, row) in map.chunks_exact(self.width).enumerate() {
            let y = profile::place(j, self.height);
            for (i, &v) in row.iter().enumerate() {
                let (v, x) = (f64::from(v), profile::place(i, self.width));
                sum += v;
                first = Point::new(first.x + v * x, first.y + v * y);
                second += v * (x * x + y * y);
            }
        }
        let variance = second / sum - (first.x / sum).powi(2) - (first.y / sum).powi(2);
        // of a map of NaN or of nothing no place is more likely than another
        if variance.is_finite() { variance.max(0.0).sqrt() } else { (self.width as f64).hypot(self.height as f64) }
    }

    fn mass_near(&self, map: &[f32], at: Point) -> f64 {
        let near = |n: usize, c: f64| {
            let clip = |v: f64| (v.max(0.0) as usize).min(n);
            clip((c - NEAR).ceil())..clip((c + NEAR).floor() + 1.0)
        };
        let (columns, rows) = (near(self.width, at.x), near(self.height, at.y));
        let inside = |x: usize, y: usize| Point::new(x as f64, y as f64).distance(at) <= NEAR;
        let cells = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
        cells
            .filter(|&(x, y)| inside(x, y))
            .filter_map(|(x, y)| map.get(y * self.width + x))
            .map(|&v| f64::from(v))
            .sum()
    }
}

//! Heatmaps: Gaussians rendered around points, and points found again in maps.
//!
//! Map cell `(0, 0)` is centered on map coordinate `(0, 0)`; the codec that owns the stride maps view pixels to cells.

use crate::geom::{Point, Size};

/// How a Gaussian meets what a map holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blend {
    /// The larger of the two values stays.
    Max,
    /// The two values are added.
    Sum,
}

/// Blends an unnormalized Gaussian `exp(-d²/2σ²)` around `center` into `map` (row-major, of `size`).
///
/// Cells farther away than 4σ keep their value (6σ where sums pile the tails up: beyond, `f32` next to 1 sees nothing).
/// A σ that is not above 0, or a center that is not finite, changes nothing.
pub fn render_gaussian(map: &mut [f32], size: Size, center: Point, sigma: f64, blend: Blend) {
    let Size { width, height } = size;
    let reach = sigma
        * match blend {
            Blend::Max => 4.0,
            Blend::Sum => 6.0,
        };
    if width == 0 || !reach.is_finite() || reach <= 0.0 || !center.is_finite() {
        return;
    }
    let range = |c: f64, side: usize| {
        let clip = |v: f64| (v.max(0.0) as usize).min(side);
        clip((c - reach).ceil())..clip((c + reach).floor() + 1.0)
    };
    let (columns, rows) = (range(center.x, width), range(center.y, height));
    let bell = |d: f64| (-0.5 * (d / sigma).powi(2)).exp() as f32;
    // The Gaussian is a product of a factor for each column and one for each row.
    let across: Vec<f32> = columns.clone().map(|x| bell(x as f64 - center.x)).collect();
    for (y, row) in map.chunks_exact_mut(width).enumerate().take(rows.end).skip(rows.start) {
        let down = bell(y as f64 - center.y);
        for (cell, factor) in row[columns.clone()].iter_mut().zip(&across) {
            let value = down * factor;
            *cell = match blend {
                Blend::Max => cell.max(value),
                Blend::Sum => *cell + value,
            };
        }
    }
}

/// How a point's position is read from its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decode {
    /// The position of the highest cell.
    Argmax,
    /// The highest cell, moved a quarter towards its higher neighbor.
    Quarter,
    /// A quadratic fit of the logarithm around the highest cell (DARK, Zhang et al. 2020).
    Dark,
    /// The mean position under the map taken as a distribution.
    SoftArgmax,
}

/// Finds the peak of one non-negative map (`height × width`, row-major): position in cells, and the value there.
///
/// A map without cells, or with nothing but NaN, gives `((0, 0), 0)`.
pub fn find_peak(map: &[f32], width: usize, height: usize, decode: Decode) -> (Point, f32) {
    let map = Map { cells: map, width, height };
    let Some((x, y, value)) = map.highest() else { return (Point::default(), 0.0) };
    let cell = Point::new(x as f64, y as f64);
    let point = match decode {
        Decode::Argmax => cell,
        Decode::Quarter => map.quarter(x, y),
        Decode::Dark => map.dark(x, y, value).unwrap_or_else(|| map.quarter(x, y)),
        Decode::SoftArgmax => map.mean().unwrap_or(cell),
    };
    (point, value)
}

struct Map<'a> {
    cells: &'a [f32],
    width: usize,
    height: usize,
}

impl Map<'_> {
    fn at(&self, x: usize, y: usize) -> f64 {
        self.cells.get(y * self.width + x).copied().map_or(0.0, f64::from)
    }

    /// The first of the highest cells.
    fn highest(&self) -> Option<(usize, usize, f32)> {
        let count = self.width * self.height;
        let mut best: Option<(usize, f32)> = None;
        for (i, &v) in self.cells.iter().enumerate().take(count) {
            if !v.is_nan() && best.is_none_or(|(_, b)| v > b) {
                best = Some((i, v));
            }
        }
        best.map(|(i, v)| (i % self.width, i / self.width, v))
    }

    /// A quarter towards the higher of the two neighbors, where there are two.
    fn quarter(&self, x: usize, y: usize) -> Point {
        let lean = |i: usize, neighbors: Option<(f64, f64)>| match neighbors {
            Some((before, after)) if after > before => i as f64 + 0.25,
            Some((before, after)) if after < before => i as f64 - 0.25,
            _ => i as f64,
        };
        let inner = |i: usize, side: usize| i > 0 && i + 1 < side;
        Point::new(
            lean(x, inner(x, self.width).then(|| (self.at(x - 1, y), self.at(x + 1, y)))),
            lean(y, inner(y, self.height).then(|| (self.at(x, y - 1), self.at(x, y + 1)))),
        )
    }

    /// The vertex of the least-squares paraboloid through the logarithms of 3×3 cells; at a border the nine cells next
    /// to it. A Gaussian's logarithm is such a paraboloid, so its center comes out exactly, even a little outside the
    /// map.
    fn dark(&self, x: usize, y: usize, peak: f32) -> Option<Point> {
        if self.width < 3 || self.height < 3 || !peak.is_finite() || peak <= 0.0 {
            return None;
        }
        let (cx, cy) = (x.clamp(1, self.width - 2), y.clamp(1, self.height - 2));
        // Cells of (almost) nothing would pull the fit to minus infinity.
        let floor = f64::from(peak) * 1e-4;
        let (mut gx, mut gy, mut gxx, mut gyy, mut gxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)) {
            let (u, v) = (dx as f64 - 1.0, dy as f64 - 1.0);
            let l = self.at(cx + dx - 1, cy + dy - 1).max(floor).ln();
            gx += u * l / 6.0;
            gy += v * l / 6.0;
            // The second derivatives of the fit: 2 · (Σ u² l / 2 − Σ l / 3).
            gxx += (u * u - 2.0 / 3.0) * l;
            gyy += (v * v - 2.0 / 3.0) * l;
            gxy += u * v * l / 4.0;
        }
        let det = gxx * gyy - gxy * gxy;
        let is_peak = gxx < -1e-9 && gyy < -1e-9 && det > 1e-12;
        let vertex = Point::new(cx as f64 - (gyy * gx - gxy * gy) / det, cy as f64 - (gxx * gy - gxy * gx) / det);
        // A vertex farther than a cell from the highest cell is noise, not a peak.
        let near = (vertex.x - x as f64).abs() <= 1.0 && (vertex.y - y as f64).abs() <= 1.0;
        (is_peak && near).then_some(vertex)
    }

    fn mean(&self) -> Option<Point> {
        let (mut sum, mut sx, mut sy) = (0.0, 0.0, 0.0);
        for y in 0..self.height {
            for x in 0..self.width {
                let v = self.at(x, y);
                if v > 0.0 {
                    sum += v;
                    sx += v * x as f64;
                    sy += v * y as f64;
                }
            }
        }
        let mean = Point::new(sx / sum, sy / sum);
        (sum > 0.0 && mean.is_finite()).then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn rendered(width: usize, height: usize, center: Point, sigma: f64) -> Vec<f32> {
        let mut map = vec![0.0; width * height];
        render_gaussian(&mut map, Size::new(width, height), center, sigma, Blend::Max);
        map
    }

    proptest! {
        #[test]
        fn cells_hold_the_formula(x in -4.0..20.0, y in -4.0..16.0, sigma in 0.5..12.0, sum in any::<bool>()) {
            let (width, height) = (17, 13);
            let mut map = vec![0.25; width * height];
            let blend = if sum { Blend::Sum } else { Blend::Max };
            render_gaussian(&mut map, Size::new(width, height), Point::new(x, y), sigma, blend);
            for (i, &v) in map.iter().enumerate() {
                let d2 = (Point::new((i % width) as f64, (i / width) as f64).distance(Point::new(x, y))).powi(2);
                let bell = (-d2 / (2.0 * sigma * sigma)).exp() as f32;
                let expected = if sum { 0.25 + bell } else { bell.max(0.25) };
                prop_assert!((v - expected).abs() < 1e-6, "{v} {expected}");
            }
        }

        #[test]
        fn dark_finds_centers_borders_included(x in -0.4..16.4, y in -0.4..12.4, sigma in 1.5..2.0) {
            let center = Point::new(x, y);
            let (found, peak) = find_peak(&rendered(17, 13, center, sigma), 17, 13, Decode::Dark);
            prop_assert!(found.distance(center) < 0.05, "{found:?}");
            prop_assert!(peak > 0.8 && peak <= 1.0);
        }

        #[test]
        fn the_other_readings_come_as_near_as_they_can(x in 0.0..16.0, y in 0.0..12.0) {
            let center = Point::new(x, y);
            let map = rendered(17, 13, center, 1.5);
            let near = |decode, off: f64| {
                let found = find_peak(&map, 17, 13, decode).0;
                (found.x - x).abs() < off && (found.y - y).abs() < off
            };
            prop_assert!(near(Decode::Argmax, 0.501));
            // Moved a quarter towards the center, except in the border cells.
            let inner = x > 0.5 && x < 15.5 && y > 0.5 && y < 11.5;
            let off = if inner { 0.2501 } else { 0.501 };
            prop_assert!(near(Decode::Quarter, off));
        }

        #[test]
        fn soft_argmax_is_exact_where_the_whole_bell_is_in_the_map(x in 7.0..13.0, y in 7.0..9.0) {
            let found = find_peak(&rendered(21, 17, Point::new(x, y), 1.5), 21, 17, Decode::SoftArgmax).0;
            prop_assert!(found.distance(Point::new(x, y)) < 0.01, "{found:?}");
        }

        #[test]
        fn no_map_is_too_strange(cells in prop::collection::vec(prop_oneof![Just(f32::NAN), Just(0.0f32), Just(f32::INFINITY), Just(-1.0f32), 0.0f32..1.0], 0..40), width in 0usize..8) {
            for decode in [Decode::Argmax, Decode::Quarter, Decode::Dark, Decode::SoftArgmax] {
                let height = cells.len().checked_div(width).unwrap_or(3);
                prop_assert!(find_peak(&cells, width, height, decode).0.is_finite());
            }
        }
    }

    #[test]
    fn dark_bears_noise_and_refuses_what_is_no_peak() {
        // A ramp has no vertex: the highest cell (a corner) stays.
        let ramp: Vec<f32> = (0..25).map(|i| (i % 5 + i / 5) as f32 / 8.0).collect();
        assert_eq!(find_peak(&ramp, 5, 5, Decode::Dark).0, Point::new(4.0, 4.0));
        let center = Point::new(7.3, 6.8);
        let noisy: Vec<f32> = rendered(17, 13, center, 2.0)
            .iter()
            .enumerate()
            .map(|(i, v)| v + 0.02 * ((i * 7919) % 13) as f32 / 13.0)
            .collect();
        assert!(find_peak(&noisy, 17, 13, Decode::Dark).0.distance(center) < 0.15);
    }

    #[test]
    fn sums_pile_up_and_maxima_do_not() {
        let center = Point::new(4.0, 4.0);
        let peak = |blend| {
            let mut map = vec![0.0; 81];
            for _ in 0..2 {
                render_gaussian(&mut map, Size::new(9, 9), center, 1.5, blend);
            }
            map[40]
        };
        assert_eq!((peak(Blend::Sum), peak(Blend::Max)), (2.0, 1.0));
    }
}

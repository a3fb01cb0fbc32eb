//! The peaks of a map that shows all points at once.

use candle_vision_helpers::Point;
use candle_vision_helpers::heatmap::{Decode, find_peak};

/// The `n` highest local peaks (no higher cell among the 8 neighbours) of one map (`height × width`, row-major),
/// highest first: position in cells, by a fit around the peak, and value. For maps whose peaks have no order.
pub fn find_peaks(map: &[f32], width: usize, height: usize, n: usize) -> Vec<(Point, f32)> {
    let at = |x: usize, y: usize| map.get(y * width + x).copied().unwrap_or(f32::NAN);
    let mut peaks = Vec::new();
    for (x, y) in (0..height.min(map.len() / width.max(1))).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let value = at(x, y);
        let beside = (y.saturating_sub(1)..height.min(y + 2))
            .flat_map(|v| (x.saturating_sub(1)..width.min(x + 2)).map(move |u| (u, v)));
        // Of a plateau the first cell is the peak: those before it must be lower.
        let is_peak = value > 0.0
            && beside
                .filter(|&c| c != (x, y))
                .all(|(u, v)| if (v, u) < (y, x) { at(u, v) < value } else { at(u, v) <= value });
        if is_peak {
            peaks.push((x, y, value));
        }
    }
    peaks.sort_by(|a, b| b.2.total_cmp(&a.2));
    peaks.truncate(n);
    peaks.into_iter().map(|(x, y, v)| (refined(map, width, height, x, y), v)).collect()
}

/// The peak of the 3×3 cells around `(x, y)`, fitted.
fn refined(map: &[f32], width: usize, height: usize, x: usize, y: usize) -> Point {
    let whole = Point::new(x as f64, y as f64);
    if width < 3 || height < 3 {
        return whole;
    }
    let (left, top) = (x.saturating_sub(1).min(width - 3), y.saturating_sub(1).min(height - 3));
    let cells = (0..9).map(|i| map.get((top + i / 3) * width + left + i % 3).copied().unwrap_or(0.0));
    let (fit, _) = find_peak(&cells.collect::<Vec<f32>>(), 3, 3, Decode::Dark);
    Point::new(left as f64 + fit.x, top as f64 + fit.y)
}

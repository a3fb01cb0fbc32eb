//! One axis of a heatmap target. A Gaussian is the product of one profile a column and one a row.
//!
//! A distribution over cell centers has its expectation between the first and the last center, half a cell short of the
//! view's edges, and a Gaussian cut off by an edge is pulled inwards. So that a soft-argmax can say every position in
//! the view, its first and last cells count as the view's edges ([`place`]), and the target is the Gaussian tilted just
//! enough to have its expectation at the point ([`distribution`]): of all distributions with that expectation the one
//! closest to the Gaussian. Away from edges the tilt is nothing.

/// The position that cell `i` of `n` stands for in an expectation, in cells.
pub(super) fn place(i: usize, n: usize) -> f64 {
    match i {
        0 => -0.5,
        _ if i + 1 == n => n as f64 - 0.5,
        _ => i as f64,
    }
}

/// `exp(-(i - center)² / 2σ²)` for each of `n` cells: 1 where a cell is hit exactly.
pub(super) fn gaussian(n: usize, center: f64, sigma: f64) -> Vec<f64> {
    (0..n).map(|i| (-0.5 * ((i as f64 - center) / sigma).powi(2)).exp()).collect()
}

/// A distribution over `n` cells: the Gaussian, normalized; with `tilted`, its expectation is moved to `center` (at
/// most to the edges). However far outside `center` lies, the values add up to 1: the nearest cell has what no other
/// gets.
pub(super) fn distribution(n: usize, center: f64, sigma: f64, tilted: bool) -> Vec<f64> {
    let log = |i: usize| -0.5 * ((i as f64 - center) / sigma).powi(2);
    if !tilted {
        return normalized(n, log);
    }
    let (first, last) = (place(0, n), place(n - 1, n));
    if center <= first + EDGE || center >= last - EDGE {
        let at = if center <= first + EDGE { 0 } else { n - 1 };
        return (0..n).map(|i| if i == at { 1.0 } else { 0.0 }).collect();
    }
    let tilt = |t: f64| normalized(n, |i| log(i) + t * (place(i, n) - center));
    // The expectation grows with the tilt: bracket, then Newton's steps where they stay inside, else halves.
    let (mut low, mut high, mut t) = (f64::NEG_INFINITY, f64::INFINITY, 0.0);
    let mut p = tilt(t);
    for _ in 0..200 {
        let off = expectation(&p) - center;
        if off.abs() < 1e-7 {
            break;
        }
        if off > 0.0 {
            high = t
        } else {
            low = t
        }
        let variance: f64 =
            p.iter().enumerate().map(|(i, v)| v * (place(i, n) - center).powi(2)).sum::<f64>() - off * off;
        let newton = t - off / variance;
        t = match (low.is_finite(), high.is_finite()) {
            _ if newton > low && newton < high && (newton - t).abs() < 4.0 + t.abs() => newton,
            (true, true) => (low + high) / 2.0,
            (true, false) => 2.0 * low.abs() + 1.0,
            _ => -(2.0 * high.abs() + 1.0),
        };
        p = tilt(t);
    }
    p
}

/// Nearer to an edge than this, in cells, a point is on it.
const EDGE: f64 = 1e-4;

/// Of the places of all cells under the distribution `p`.
pub(super) fn expectation(p: &[f64]) -> f64 {
    p.iter().enumerate().map(|(i, v)| v * place(i, p.len())).sum()
}

/// The exponentials of `log`, divided by their sum; the largest is taken out first, so that not all of them vanish.
fn normalized(n: usize, log: impl Fn(usize) -> f64) -> Vec<f64> {
    let logs: Vec<f64> = (0..n).map(log).collect();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let values: Vec<f64> = logs.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = values.iter().sum();
    values.iter().map(|v| v / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn away_from_edges_nothing_is_tilted() {
        let (a, b) = (distribution(64, 31.3, 1.5, true), distribution(64, 31.3, 1.5, false));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
        // A Gaussian's density at its center: 1 / (σ √(2π)).
        let peak = distribution(64, 31.0, 1.5, true)[31];
        assert!((peak - 1.0 / (1.5 * (2.0 * std::f64::consts::PI).sqrt())).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn the_expectation_is_the_point(n in 3usize..80, at in 0.0f64..1.0, sigma in 0.3f64..6.0) {
            let center = -0.5 + at * n as f64;
            let p = distribution(n, center, sigma, true);
            prop_assert!(p.iter().all(|v| v.is_finite() && *v >= 0.0));
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!((expectation(&p) - center).abs() < 2e-4, "{} {}", expectation(&p), center);
        }

        #[test]
        fn far_outside_the_nearest_cell_has_all(n in 3usize..40, far in 1.0f64..1e7, sigma in 0.1f64..6.0, tilted: bool, after: bool) {
            let center = if after { n as f64 - 0.5 + far * 40.0 } else { -0.5 - far * 40.0 };
            let p = distribution(n, center, sigma, tilted);
            let at = if after { n - 1 } else { 0 };
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(p[at] > 0.5, "{:?}", p);
        }
    }
}

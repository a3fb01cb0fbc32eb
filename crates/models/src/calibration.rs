//! What the spread of a network's maps says about its errors: measured on faces, kept with the weights.

use crate::onnx::{Graph, Value};
use candle_vision_helpers::Wrong;
use serde::{Deserialize, Serialize};

/// A curve from the spread of a point's map to the mean error of points with such maps, both in view pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Calibration {
    /// `[spread, error]`, both growing: straight lines between them.
    knots: Vec<[f64; 2]>,
    /// The faces that it was measured on, in words.
    data: String,
    /// How many points it was measured on.
    points: usize,
}

/// A calibration as it is read, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    knots: Vec<[f64; 2]>,
    data: String,
    points: usize,
}

/// The surest sixth of the points is the first part whose mean is a knot, a sixth of the others the next, and so on:
/// where spreads are rare and far apart, parts are small.
const PART: usize = 6;
/// No part has fewer points than this.
const LEAST: usize = 100;

impl Calibration {
    /// Measures the curve on points' `(spread, error)`, view pixels: the means of points of about one spread, errors
    /// made to grow with the spread by joining neighbors that do not (isotonic regression by pool-adjacent-violators,
    /// Ayer et al. 1955).
    ///
    /// # Errors
    /// For fewer than a hundred points, or where a number is none.
    pub fn fit(pairs: &[(f64, f64)], data: String) -> Result<Self, Wrong> {
        let is_number = |v: f64| v.is_finite() && v >= 0.0;
        if let Some((spread, error)) = pairs.iter().find(|(s, e)| !is_number(*s) || !is_number(*e)) {
            return Err(Wrong::new(
                "calibration",
                "spreads and errors of 0 or more",
                format_args!("{spread}, {error}"),
            ));
        }
        if pairs.len() < LEAST {
            return Err(Wrong::new("calibration", format_args!("{LEAST} annotated points or more"), pairs.len()));
        }
        let mut sorted = pairs.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = sorted.as_slice();
        while !rest.is_empty() {
            let count = match (rest.len() / PART).max(LEAST) {
                count if rest.len() - count.min(rest.len()) < LEAST => rest.len(),
                count => count,
            };
            let (part, others) = rest.split_at(count);
            parts.push(Part::of(part));
            rest = others;
            while let [.., before, last] = parts.as_slice()
                && (before.error() >= last.error() || before.spread() >= last.spread())
            {
                let joined = before.joined(last);
                parts.truncate(parts.len() - 2);
                parts.push(joined);
            }
        }
        let knots = parts.iter().map(|p| [p.spread(), p.error()]).collect();
        Self::try_from(Parts { knots, data, points: pairs.len() })
    }

    /// The expected distance of a point from where it is seen, view pixels, for a map of `spread` view pixels. Beyond
    /// the knots the error stays in proportion to the spread.
    pub fn error(&self, spread: f64) -> f64 {
        let after = self.knots.partition_point(|k| k[0] < spread);
        match (after.checked_sub(1).and_then(|i| self.knots.get(i)), self.knots.get(after)) {
            (Some(a), Some(b)) => a[1] + (b[1] - a[1]) * (spread - a[0]) / (b[0] - a[0]),
            (Some(end), None) | (None, Some(end)) if end[0] > 0.0 => end[1] * spread / end[0],
            (Some(end), None) | (None, Some(end)) => end[1],
            (None, None) => f64::NAN,
        }
    }

    /// Adds [`Calibration::error`] of spreads `(B, K)` to a graph of ONNX operators: a straight line, and at every knot
    /// the change of its slope.
    pub(crate) fn onnx(&self, g: &mut Graph, spread: &Value) -> Value {
        let knots = &self.knots;
        let between = |w: &[[f64; 2]]| (w[1][1] - w[0][1]) / (w[1][0] - w[0][0]);
        let outside = |k: &[f64; 2]| if k[0] > 0.0 { k[1] / k[0] } else { 0.0 };
        let inner = knots.windows(2).map(between);
        let ends = [knots.first(), knots.last()].map(|k| k.map_or(0.0, outside));
        let slopes: Vec<f64> = std::iter::once(ends[0]).chain(inner).chain([ends[1]]).collect();
        let offset = knots.first().filter(|k| k[0] == 0.0).map_or(0.0, |k| k[1]);
        let starts: Vec<f32> = knots.iter().map(|k| k[0] as f32).collect();
        let changes: Vec<f32> = slopes.windows(2).map(|w| (w[1] - w[0]) as f32).collect();
        let column = g.reshape(spread, &[0, 0, 1]);
        let starts = g.floats(&[knots.len()], &starts);
        let beyond = g.op("Sub", &[&column, &starts]);
        let beyond = g.op("Relu", &[&beyond]);
        let changes = g.floats(&[knots.len(), 1], &changes);
        let bent = g.op("MatMul", &[&beyond, &changes]);
        let bent = g.reshape(&bent, &[0, -1]);
        let straight = g.affine(spread, slopes[0] as f32, offset as f32);
        g.op("Add", &[&straight, &bent])
    }

    /// The faces that it was measured on, in words.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The same with more words about what it was measured on.
    #[must_use]
    pub fn noting(self, words: &str) -> Self {
        Self { data: self.data + words, ..self }
    }
}

impl TryFrom<Parts> for Calibration {
    type Error = Wrong;

    fn try_from(Parts { knots, data, points }: Parts) -> Result<Self, Wrong> {
        let grow = knots.windows(2).all(|w| w[0][0] < w[1][0] && w[0][1] <= w[1][1]);
        let numbers = knots.iter().flatten().all(|v| v.is_finite() && *v >= 0.0);
        match grow && numbers && !knots.is_empty() {
            true => Ok(Self { knots, data, points }),
            false => Err(Wrong::new("calibration.knots", "growing numbers of 0 or more", format_args!("{knots:?}"))),
        }
    }
}

/// Sums over points of about one spread.
#[derive(Clone, Copy)]
struct Part {
    spreads: f64,
    errors: f64,
    count: f64,
}

impl Part {
    fn of(points: &[(f64, f64)]) -> Self {
        let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum();
        Self { spreads: sum(|p| p.0), errors: sum(|p| p.1), count: points.len() as f64 }
    }

    fn joined(&self, other: &Self) -> Self {
        Self {
            spreads: self.spreads + other.spreads,
            errors: self.errors + other.errors,
            count: self.count + other.count,
        }
    }

    fn spread(&self) -> f64 {
        self.spreads / self.count
    }

    fn error(&self) -> f64 {
        self.errors / self.count
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_curve_by_hand() {
        // 200 points in parts of 100: those of spread 2 are off by 1 and 3, those of 4 by 5
        let pairs: Vec<(f64, f64)> =
            (0..200).map(|i| if i < 100 { (2.0, 1.0 + 2.0 * f64::from(i % 2)) } else { (4.0, 5.0) }).collect();
        let fit = Calibration::fit(&pairs, "by hand".into()).unwrap();
        assert_eq!(fit.knots, [[2.0, 2.0], [4.0, 5.0]]);
        // halfway, and in proportion outside
        assert_eq!([3.0, 1.0, 8.0, 0.0].map(|s| fit.error(s)), [3.5, 1.0, 10.0, 0.0]);
        let back: Calibration = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(back, fit);
    }

    #[test]
    fn too_little_and_nonsense_are_refused() {
        let message = |pairs: &[(f64, f64)]| Calibration::fit(pairs, String::new()).unwrap_err().to_string();
        assert_eq!(message(&[(1.0, 1.0)]), "calibration: expected 100 annotated points or more, got 1");
        assert_eq!(message(&[(1.0, f64::NAN)]), "calibration: expected spreads and errors of 0 or more, got 1, NaN");
        let text = r#"{"knots":[[1.0,2.0],[1.0,3.0]],"data":"","points":2}"#;
        assert!(serde_json::from_str::<Calibration>(text).unwrap_err().to_string().contains("growing numbers"));
    }

    proptest! {
        #[test]
        fn errors_grow_with_spreads(
            pairs in prop::collection::vec((0.0f64..50.0, 0.0f64..50.0), 100..900),
            spreads in (0.0f64..80.0, 0.0f64..80.0),
        ) {
            let fit = Calibration::fit(&pairs, String::new()).unwrap();
            let (low, high) = (spreads.0.min(spreads.1), spreads.0.max(spreads.1));
            prop_assert!(fit.error(low) <= fit.error(high) + 1e-9, "{fit:?}");
            // the mean over all points stays what it is, up to straight lines between means
            prop_assert!(fit.knots.iter().all(|k| k[1] <= 50.0));
        }
    }
}

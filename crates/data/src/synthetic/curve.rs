//! Smooth curves through given points, smooth steps, and strips of varying width along a curve.

use candle_vision_helpers::Point;

/// `x` from `a` to `b` as 0 to 1 with level ends.
pub(super) fn smoothstep(a: f64, b: f64, x: f64) -> f64 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `exp(-(d / sigma)² / 2)`.
pub(super) fn bell(d: f64, sigma: f64) -> f64 {
    (-0.5 * (d / sigma).powi(2)).exp()
}

/// The value at `t` (`0..=knots.len() - 1`) of the Catmull-Rom spline through `knots`, whose ends continue straight.
pub(super) fn spline<const N: usize>(knots: &[[f64; N]], t: f64) -> [f64; N] {
    let last = knots.len() - 1;
    let t = t.clamp(0.0, last as f64);
    let i = (t.floor() as usize).min(last.saturating_sub(1));
    let f = t - i as f64;
    let (p1, p2) = (&knots[i], &knots[(i + 1).min(last)]);
    std::array::from_fn(|k| {
        let p0 = if i > 0 { knots[i - 1][k] } else { 2.0 * p1[k] - p2[k] };
        let p3 = if i + 2 <= last { knots[i + 2][k] } else { 2.0 * p2[k] - p1[k] };
        let (a, b) = (p1[k], p2[k]);
        a + 0.5 * f * (b - p0 + f * (2.0 * p0 - 5.0 * a + 4.0 * b - p3 + f * (3.0 * (a - b) + p3 - p0)))
    })
}

/// Straight interpolation in a table of `(x, y)` with rising `x`; level beyond its ends.
pub(super) fn table(rows: &[(f64, f64)], x: f64) -> f64 {
    let i = rows.partition_point(|r| r.0 <= x);
    if i == 0 {
        return rows[0].1;
    }
    let Some(&(x1, y1)) = rows.get(i) else { return rows[rows.len() - 1].1 };
    let (x0, y0) = rows[i - 1];
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

/// A smooth line through `points`, `steps` pieces between each two.
pub(super) fn through(points: &[Point], steps: usize) -> Vec<Point> {
    let knots: Vec<[f64; 2]> = points.iter().map(|p| [p.x, p.y]).collect();
    let n = (points.len() - 1) * steps;
    (0..=n).map(|i| spline(&knots, i as f64 / steps as f64)).map(|[x, y]| Point::new(x, y)).collect()
}

/// The outline of a strip along `line`, `width(0..=1)` wide.
pub(super) fn ribbon(line: &[Point], width: impl Fn(f64) -> f64) -> Vec<Point> {
    let n = line.len();
    let side = |i: usize, sign: f64| {
        let (a, b) = (line[i.saturating_sub(1)], line[(i + 1).min(n - 1)]);
        let l = a.distance(b).max(1e-9);
        let w = sign * 0.5 * width(i as f64 / (n - 1) as f64);
        Point::new(line[i].x - (b.y - a.y) / l * w, line[i].y + (b.x - a.x) / l * w)
    };
    (0..n).map(|i| side(i, 1.0)).chain((0..n).rev().map(|i| side(i, -1.0))).collect()
}

/// `n` points of an ellipse.
pub(super) fn ellipse(center: Point, rx: f64, ry: f64, n: usize) -> Vec<Point> {
    (0..n)
        .map(|i| (i as f64 / n as f64 * std::f64::consts::TAU).sin_cos())
        .map(|(s, c)| Point::new(center.x + rx * c, center.y + ry * s))
        .collect()
}

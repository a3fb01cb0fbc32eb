//! A Kalman filter of a moving point: it knows the point's velocity, so that a steady motion does not come late, and
//! measures how much what it sees trembles, so that as much is smoothed as has to be.
//!
//! The model is that of a nearly constant velocity, whose changes are white noise (Bar-Shalom, Li, Kirubarajan:
//! Estimation with Applications to Tracking and Navigation, 2001, 6.2.2). The variance of what is seen is estimated by
//! pseudo-residuals (Gasser, Sroka, Jennen-Steinmetz: Residual Variance and Residual Pattern in Nonlinear Regression,
//! Biometrika 1986), here of cubics: a smooth motion leaves next to nothing of itself in them.

use candle_vision_helpers::Point;

/// Settings of the filter. Lengths are in face sizes, the root of the area of the points' box being one, so that near
/// and far faces are smoothed alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothConfig {
    /// By how much the velocity of a face changes within a second, face sizes a second, as standard deviation: lower is
    /// steadier, and farther off where a face starts, stops or turns.
    pub agility: f64,
}

impl Default for SmoothConfig {
    fn default() -> Self {
        Self { agility: 0.2 }
    }
}

/// How much a point is taken to tremble before it was seen to, as standard deviation, face sizes …
const AT_FIRST: f64 = 0.002;
/// … and at least: of what stands quite still, too, the next picture may be another.
const AT_LEAST: f64 = 0.0003;
/// Seconds over which it is measured how much a point trembles.
const MEASURED: f64 = 1.0;
/// A single residual counts as so many standard deviations at most: one jump is no tremble.
const MOST: f64 = 3.0;
/// So many places in a row are a cubic.
const CUBIC: usize = 4;

/// The filter of one point. What holds of one coordinate holds of the other: how a point is smoothed does not depend on
/// the direction that it moves in.
#[derive(Clone, Debug, Default)]
pub(super) struct Kalman {
    state: Option<State>,
    /// When and where it was seen, the last time at the end.
    seen: Vec<(f64, Point)>,
}

/// What is known at `time`, in pixels and seconds.
#[derive(Clone, Copy, Debug)]
struct State {
    time: f64,
    place: Point,
    velocity: Point,
    /// Variance of the place, covariance of both, variance of the velocity.
    variance: [f64; 3],
    /// Variance of what is seen, square face sizes.
    tremble: f64,
}

impl Kalman {
    /// The point smoothed, at `time` in seconds, of a face of `size` pixels; `agility` as in [`SmoothConfig`]. The
    /// first one is taken as it is, and so is one of a face without a size.
    pub(super) fn smooth(&mut self, point: Point, (time, size): (f64, f64), agility: f64) -> Point {
        let state = self.state.filter(|state| time > state.time && size > 0.0);
        if state.is_none() {
            *self = Self::default();
        }
        if size.is_nan() || size <= 0.0 {
            return point;
        }
        let tremble = self.measured(point, (time, size), state);
        if self.seen.len() == CUBIC {
            self.seen.remove(0);
        }
        self.seen.push((time, point));
        let (noise, drive) = (tremble * size * size, (agility * size).powi(2));
        let next = match state {
            // of the velocity is known what changes within a second
            None => State { time, place: point, velocity: Point::default(), variance: [noise, 0.0, drive], tremble },
            Some(state) => State { tremble, ..state.moved(time, drive).corrected(point, noise) },
        };
        self.state = Some(next);
        next.place
    }

    /// The variance of what is seen, with a new point: its distance to where the cubic through the ones before it leads
    /// is as large as theirs and its own tremble make it.
    fn measured(&self, point: Point, (time, size): (f64, f64), state: Option<State>) -> f64 {
        let Some(state) = state else { return AT_FIRST.powi(2) };
        if self.seen.len() < CUBIC {
            return state.tremble;
        }
        let (mut off, mut spread) = (point, 1.0);
        for (weight, (_, seen)) in extrapolation(&self.seen, time).zip(&self.seen) {
            off = Point::new(off.x - weight * seen.x, off.y - weight * seen.y);
            spread += weight * weight;
        }
        let shown = (off.x * off.x + off.y * off.y) / (2.0 * spread * size * size);
        let share = 1.0 - (-(time - state.time) / MEASURED).exp();
        let tremble = state.tremble + share * (shown.min(MOST * MOST * state.tremble) - state.tremble);
        tremble.max(AT_LEAST.powi(2))
    }
}

/// With which weights values at some times add up to what the polynomial through them has at `time`.
fn extrapolation(seen: &[(f64, Point)], time: f64) -> impl Iterator<Item = f64> {
    let one = move |i: usize| {
        let others = seen.iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, other)| other.0);
        others.map(|other| (time - other) / (seen[i].0 - other)).product::<f64>()
    };
    (0..seen.len()).map(one)
}

impl State {
    /// What is expected at `time`; the variance of the velocity grows by `drive` in a second.
    fn moved(self, time: f64, drive: f64) -> Self {
        let (dt, [p, c, v]) = (time - self.time, self.variance);
        let place = Point::new(self.place.x + dt * self.velocity.x, self.place.y + dt * self.velocity.y);
        let variance = [
            p + 2.0 * dt * c + dt * dt * v + drive * dt.powi(3) / 3.0,
            c + dt * v + drive * dt * dt / 2.0,
            v + drive * dt,
        ];
        Self { time, place, variance, ..self }
    }

    /// With what is seen, whose variance is `noise`.
    fn corrected(self, point: Point, noise: f64) -> Self {
        let [p, c, v] = self.variance;
        let (of_place, of_velocity) = (p / (p + noise), c / (p + noise));
        let (dx, dy) = (point.x - self.place.x, point.y - self.place.y);
        Self {
            place: Point::new(self.place.x + of_place * dx, self.place.y + of_place * dy),
            velocity: Point::new(self.velocity.x + of_velocity * dx, self.velocity.y + of_velocity * dy),
            variance: [p - of_place * p, c - of_place * c, v - of_velocity * c],
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_vision_helpers::rng::splitmix64;
    use proptest::prelude::*;

    const AGILITY: f64 = 0.2;

    fn run(points: &[Point], (rate, size): (f64, f64)) -> Vec<Point> {
        let mut filter = Kalman::default();
        let one = |(i, p): (usize, &Point)| filter.smooth(*p, (i as f64 / rate, size), AGILITY);
        points.iter().enumerate().map(one).collect()
    }

    /// Two steps by hand: 0, 10 and 20 pixels on a face of 100 pixels every 0.1 s. The noise is 0.2 px, so 0.04 px²,
    /// the drive 20² px²/s³. Variances of place and velocity, and their covariance, are 0.04, 400 and 0 in the first
    /// frame; expected in the second 0.04 + 0.01 · 400 + 400 · 0.001 / 3 = 4.173333, 400 + 40 = 440 and
    /// 40 + 2 = 42. Of 10 pixels, 4.173333 / 4.213333 = 0.990506 count, and 42 / 4.213333 = 9.968354 pixels a second
    /// for each. The next place is expected at 9.905063 + 9.968354 = 19.873418, with variances of 0.039620 and
    /// 440 - 9.968354 · 42 = 21.329114 and a covariance of 42 · 0.009494 = 0.398734, so
    /// 0.039620 + 0.079747 + 0.213291 + 0.133333 = 0.465991: 0.465991 / 0.505991 = 0.920947 of the 0.126582 pixels that
    /// are left count.
    #[test]
    fn two_steps_by_hand() {
        let smooth = run(&[0.0, 10.0, 20.0].map(|x| Point::new(x, 5.0)), (10.0, 100.0));
        for (got, x) in smooth.iter().zip([0.0, 9.905063, 19.989993]) {
            assert!((got.x - x).abs() < 1e-5 && (got.y - 5.0).abs() < 1e-9, "{got:?}, expected {x}");
        }
    }

    #[test]
    fn places_on_a_cubic_lead_to_the_next() {
        let cubic = |t: f64| 2.0 * t.powi(3) - t + 3.0;
        let seen = [0.0, 0.5, 0.75, 2.0].map(|t| (t, Point::new(cubic(t), 0.0)));
        let sum: f64 = extrapolation(&seen, 3.0).zip(&seen).map(|(weight, (_, p))| weight * p.x).sum();
        assert!((sum - cubic(3.0)).abs() < 1e-9, "{sum}");
        // at even times they are those of the fourth difference
        let even = [0.0, 1.0, 2.0, 3.0].map(|t| (t, Point::default()));
        for (weight, expected) in extrapolation(&even, 4.0).zip([-1.0, 4.0, -6.0, 4.0]) {
            assert!((weight - expected).abs() < 1e-12);
        }
    }

    /// Between -1 and 1, as chance has it.
    fn chance(i: u64) -> f64 {
        (splitmix64(i) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A face of 100 pixels that sways by up to 1.26 of its size a second, each place off by up to `noise` pixels.
    fn swaying(noise: f64) -> Vec<Point> {
        let sway = |i: u64| 20.0 * (i as f64 / 30.0 * std::f64::consts::TAU).sin();
        (0..300).map(|i| Point::new(sway(i) + noise * chance(2 * i), noise * chance(2 * i + 1))).collect()
    }

    #[test]
    fn what_trembles_is_measured_also_in_motion() {
        for noise in [0.2, 1.0, 3.0] {
            let mut filter = Kalman::default();
            for (i, point) in swaying(noise).into_iter().enumerate() {
                filter.smooth(point, (i as f64 / 30.0, 100.0), AGILITY);
            }
            // of even chance, a third of the square
            let (got, expected) = (filter.state.map_or(0.0, |s| s.tremble.sqrt()), noise / 100.0 / 3f64.sqrt());
            assert!((0.7..1.3).contains(&(got / expected)), "{got}, expected {expected}");
        }
    }

    #[test]
    fn a_steady_motion_does_not_lag_and_a_turn_does_a_little() {
        // half a face size a second
        let ramp: Vec<Point> = (0..90).map(|i| Point::new(50.0 * f64::from(i) / 30.0, 0.0)).collect();
        assert!(ramp[89].distance(run(&ramp, (30.0, 100.0))[89]) < 0.01);
        let sway = swaying(0.0);
        let off = sway.iter().zip(run(&sway, (30.0, 100.0))).skip(30).map(|(p, q)| p.distance(q)).fold(0.0, f64::max);
        assert!((0.1..1.0).contains(&off), "{off}");
    }

    #[test]
    fn what_trembles_at_rest_is_calmed() {
        // a percent of the face to and fro
        let points: Vec<Point> = (0..200).map(|i| Point::new(if i % 2 == 0 { 0.5 } else { -0.5 }, 0.0)).collect();
        let most = run(&points, (30.0, 100.0))[50..].iter().map(|p| p.x.abs()).fold(0.0, f64::max);
        assert!(most < 0.25, "{most}");
    }

    #[test]
    fn time_that_stands_still_and_a_face_without_size_start_anew() {
        let mut filter = Kalman::default();
        let (a, b) = (Point::new(1.0, 2.0), Point::new(9.0, 9.0));
        for (point, time, size) in [(a, 0.0, 10.0), (b, 0.0, 10.0), (a, 1.0, 0.0), (b, 0.5, 10.0), (a, 0.6, f64::NAN)] {
            assert_eq!(filter.smooth(point, (time, size), AGILITY), point);
        }
    }

    proptest! {
        #[test]
        fn a_point_at_rest_stays(x in -1e4..1e4, y in -1e4..1e4, rate in 5.0..120.0, size in 1.0..1e3) {
            for p in run(&[Point::new(x, y); 20], (rate, size)) {
                prop_assert!(p.distance(Point::new(x, y)) < 1e-9);
            }
        }

        #[test]
        fn it_knows_neither_pixels_nor_directions(
            raw in prop::collection::vec((-50.0..50.0, -50.0..50.0), 2..30),
            k in 0.1..10.0f64,
            angle in 0.0..6.0f64,
        ) {
            let points: Vec<Point> = raw.iter().map(|&(x, y)| Point::new(x, y)).collect();
            let (sin, cos) = angle.sin_cos();
            let turned = |p: &Point| Point::new(k * (cos * p.x - sin * p.y), k * (sin * p.x + cos * p.y));
            let others: Vec<Point> = points.iter().map(turned).collect();
            for (p, q) in run(&points, (30.0, 100.0)).iter().zip(run(&others, (30.0, 100.0 * k))) {
                prop_assert!(turned(p).distance(q) < 1e-6);
            }
        }

        #[test]
        fn leaps_and_strange_times_leave_numbers(
            raw in prop::collection::vec((-1e4..1e4, 0.0..1.0f64, 0.0..500.0), 2..40),
        ) {
            let (mut filter, mut time) = (Kalman::default(), 0.0);
            for (x, step, size) in raw {
                // from a year to no time at all
                time += step.powi(40) * 3e7;
                let p = filter.smooth(Point::new(x, -x), (time, size), AGILITY);
                prop_assert!(p.x.is_finite() && (p.x + p.y).abs() < 1e-3 * (1.0 + p.x.abs()), "{:?}", p);
            }
        }
    }
}

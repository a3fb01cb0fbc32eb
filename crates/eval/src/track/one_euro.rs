//! The One-Euro filter of a moving point (Casiez, Roussel, Vogel: 1 € Filter, CHI 2012): a low pass whose cutoff rises
//! with speed, so that what rests does not tremble and what moves does not lag.

use candle_vision_helpers::Point;
use std::f64::consts::TAU;

/// Settings of the filter. Speeds are in face sizes a second, the root of the area of the points' box being one, so
/// that near and far faces are smoothed alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothConfig {
    /// The cutoff frequency of a point at rest, hertz: lower is steadier, and slower to start.
    pub min_cutoff: f64,
    /// By how many hertz the cutoff rises for each face size a second: higher lags less in motion, and trembles more.
    pub beta: f64,
    /// The cutoff frequency of the speed itself, hertz.
    pub speed_cutoff: f64,
}

impl Default for SmoothConfig {
    fn default() -> Self {
        Self { min_cutoff: 1.5, beta: 20.0, speed_cutoff: 1.0 }
    }
}

/// The share of a new value in a low pass of this cutoff, hertz, `dt` seconds behind the last one.
fn share(cutoff: f64, dt: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff * dt))
}

/// The filter of one point. Its speed is that of both coordinates together: how a point is smoothed does not depend on
/// the direction that it moves in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OneEuro {
    last: Option<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    place: Point,
    /// Face sizes a second.
    speed: Point,
    time: f64,
}

impl OneEuro {
    /// The point smoothed, at `time` in seconds, of a face of `size` pixels. The first one is taken as it is, and so is
    /// one of a face without a size.
    pub(super) fn smooth(&mut self, point: Point, (time, size): (f64, f64), config: &SmoothConfig) -> Point {
        let dt = self.last.map_or(0.0, |last| time - last.time);
        let Some(State { place, speed, .. }) = self.last.filter(|_| dt > 0.0 && size > 0.0) else {
            self.last = Some(State { place: point, speed: Point::default(), time });
            return point;
        };
        let toward = |from: Point, to: Point, share: f64| {
            Point::new(from.x + share * (to.x - from.x), from.y + share * (to.y - from.y))
        };
        let seen = Point::new((point.x - place.x) / dt / size, (point.y - place.y) / dt / size);
        let speed = toward(speed, seen, share(config.speed_cutoff, dt));
        let cutoff = config.min_cutoff + config.beta * speed.x.hypot(speed.y);
        let place = toward(place, point, share(cutoff, dt));
        self.last = Some(State { place, speed, time });
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(points: &[Point], (rate, size): (f64, f64), config: &SmoothConfig) -> Vec<Point> {
        let mut filter = OneEuro::default();
        let one = |(i, p): (usize, &Point)| filter.smooth(*p, (i as f64 / rate, size), config);
        points.iter().enumerate().map(one).collect()
    }

    /// One step by hand: 0, then 10 pixels, on a face of 100 pixels after 0.1 s, with cutoffs of 1 Hz and beta 2.
    /// The share at 1 Hz is 1 / (1 + 1 / (2π · 0.1)) = 0.385870; seen are 10 / 0.1 / 100 = 1 face size a second, so
    /// the speed is 0.385870, the cutoff 1 + 2 · 0.385870 = 1.771739 and its share 0.526788.
    #[test]
    fn a_step_by_hand() {
        let config = SmoothConfig { min_cutoff: 1.0, beta: 2.0, speed_cutoff: 1.0 };
        let points = [Point::new(0.0, 5.0), Point::new(10.0, 5.0)];
        let smooth = run(&points, (10.0, 100.0), &config);
        assert_eq!(smooth[0], points[0]);
        assert!((smooth[1].x - 5.267877).abs() < 1e-5 && smooth[1].y == 5.0, "{:?}", smooth[1]);
    }

    /// Of a low pass of the share a, a ramp comes out (1 - a) / a steps late, which is 1 / (2π · cutoff) seconds.
    #[test]
    fn a_steady_motion_lags_by_the_cutoff_of_its_speed() {
        let (rate, size, config) = (30.0, 100.0, SmoothConfig::default());
        // half a face size a second
        let ramp: Vec<Point> = (0..300).map(|i| Point::new(50.0 * f64::from(i) / rate, 0.0)).collect();
        let late = (ramp[299].x - run(&ramp, (rate, size), &config)[299].x) / 50.0;
        // the speed is taken from where the filter is, so it reads 1 / a of it, a being the share: too fast, never late
        let bound = 1.0 / (TAU * (config.min_cutoff + config.beta * 0.5));
        assert!(late > 0.0 && late <= bound + 1e-6, "{late} s, expected {bound} s at most");
        assert!(late < 0.040, "{late} s");
    }

    #[test]
    fn what_trembles_at_rest_is_calmed() {
        // a half percent of the face to and fro
        let points: Vec<Point> = (0..200).map(|i| Point::new(if i % 2 == 0 { 0.25 } else { -0.25 }, 0.0)).collect();
        let smooth = run(&points, (30.0, 100.0), &SmoothConfig::default());
        let most = smooth[50..].iter().map(|p| p.x.abs()).fold(0.0, f64::max);
        assert!(most < 0.125, "{most}");
    }

    #[test]
    fn time_that_stands_still_and_a_face_without_size_start_anew() {
        let mut filter = OneEuro::default();
        let (a, b, config) = (Point::new(1.0, 2.0), Point::new(9.0, 9.0), SmoothConfig::default());
        for (point, time, size) in [(a, 0.0, 10.0), (b, 0.0, 10.0), (a, 1.0, 0.0), (b, 0.5, 10.0)] {
            assert_eq!(filter.smooth(point, (time, size), &config), point);
        }
    }

    proptest! {
        #[test]
        fn a_point_at_rest_stays(x in -1e4..1e4, y in -1e4..1e4, rate in 5.0..120.0, size in 1.0..1e3) {
            for p in run(&[Point::new(x, y); 20], (rate, size), &SmoothConfig::default()) {
                prop_assert!(p.distance(Point::new(x, y)) < 1e-9);
            }
        }

        /// Twice as large pictures, or twice as slow time with half the frequencies, change nothing else.
        #[test]
        fn it_knows_neither_pixels_nor_seconds(
            raw in prop::collection::vec((-50.0..50.0, -50.0..50.0), 2..30),
            k in 0.1..10.0f64,
        ) {
            let points: Vec<Point> = raw.iter().map(|&(x, y)| Point::new(x, y)).collect();
            let larger: Vec<Point> = points.iter().map(|p| Point::new(k * p.x, k * p.y)).collect();
            let config = SmoothConfig::default();
            let smooth = run(&points, (30.0, 100.0), &config);
            for (p, q) in smooth.iter().zip(run(&larger, (30.0, 100.0 * k), &config)) {
                prop_assert!(Point::new(k * p.x, k * p.y).distance(q) < 1e-6);
            }
            let SmoothConfig { min_cutoff, beta, speed_cutoff } = config;
            let slower = SmoothConfig { min_cutoff: min_cutoff / k, beta, speed_cutoff: speed_cutoff / k };
            for (p, q) in smooth.iter().zip(run(&points, (30.0 / k, 100.0), &slower)) {
                prop_assert!(p.distance(q) < 1e-6);
            }
        }

        #[test]
        fn it_never_leaves_what_it_saw(raw in prop::collection::vec(-50.0..50.0, 2..30)) {
            let points: Vec<Point> = raw.iter().map(|&x| Point::new(x, -x)).collect();
            let (low, high) = raw.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
            for p in run(&points, (30.0, 80.0), &SmoothConfig::default()) {
                prop_assert!(p.x >= low - 1e-9 && p.x <= high + 1e-9 && (p.x + p.y).abs() < 1e-9);
            }
        }
    }
}

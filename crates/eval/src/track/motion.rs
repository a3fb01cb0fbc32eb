//! How a face moves: with a velocity that stays, until it is seen elsewhere.

use candle_vision_helpers::Point;

/// The share of what was just seen in the velocity.
const GAIN: f64 = 0.5;
/// Seconds over which a velocity is averaged that has to hold for longer than to the next frame.
const AVERAGED: f64 = 0.25;

/// Where a face's center was seen last, and how fast it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    center: Point,
    time: f64,
    /// When it was first seen.
    since: f64,
    /// Pixels a second.
    velocity: Point,
}

impl Motion {
    /// A face at rest, seen at `time` in seconds.
    pub(super) fn new(center: Point, time: f64) -> Self {
        Self { center, time, since: time, velocity: Point::default() }
    }

    /// Takes note of where it is seen.
    pub(super) fn see(&mut self, center: Point, time: f64) {
        self.mix(center, time, GAIN);
    }

    /// Takes note of where it is seen; its velocity is averaged over some frames, in the first ones over all.
    pub(super) fn average(&mut self, center: Point, time: f64) {
        let dt = self.age(time);
        self.mix(center, time, (dt / (time - self.since)).max(1.0 - (-dt / AVERAGED).exp()));
    }

    /// Seconds since it was seen.
    pub(super) fn age(&self, time: f64) -> f64 {
        (time - self.time).max(0.0)
    }

    fn mix(&mut self, center: Point, time: f64, gain: f64) {
        let dt = time - self.time;
        if dt > 0.0 {
            let mix = |old: f64, way: f64| old + gain * (way / dt - old);
            self.velocity = Point::new(
                mix(self.velocity.x, center.x - self.center.x),
                mix(self.velocity.y, center.y - self.center.y),
            );
        }
        (self.center, self.time) = (center, time);
    }

    /// How far it has come at `time` since it was seen, pixels to the right and down.
    pub(super) fn ahead(&self, time: f64) -> (f64, f64) {
        let dt = self.age(time);
        (self.velocity.x * dt, self.velocity.y * dt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_motion_is_learned_and_continued() {
        let mut motion = Motion::new(Point::new(10.0, 50.0), 0.0);
        assert_eq!(motion.ahead(1.0), (0.0, 0.0));
        motion.see(Point::new(14.0, 49.0), 0.1);
        // half of 40 and -10 pixels a second
        assert_eq!(motion.ahead(0.2), (20.0 * (0.2 - 0.1), -5.0 * (0.2 - 0.1)));
        for i in 2..20 {
            motion.see(Point::new(10.0 + 4.0 * f64::from(i), 50.0 - f64::from(i)), 0.1 * f64::from(i));
        }
        let (dx, dy) = motion.ahead(1.9 + 0.5);
        assert!((dx - 20.0).abs() < 1e-3 && (dy + 5.0).abs() < 1e-3, "{dx} {dy}");
        // a look that is 30 pixels off, or 300 a second: 1 - exp(-0.4) of it
        let mut slow = motion;
        slow.average(Point::new(10.0 + 4.0 * 20.0 + 30.0, 50.0 - 20.0), 2.0);
        assert!((slow.ahead(3.0).0 - (40.0 + 300.0 * 0.329_680)).abs() < 1e-2, "{:?}", slow.ahead(3.0));
        assert!((slow.age(2.5) - 0.5).abs() < 1e-12 && slow.age(1.0) == 0.0);
        // a clock that does not move on, and one that goes back
        motion.see(Point::new(0.0, 0.0), 1.9);
        assert!((motion.ahead(1.9 + 0.5).0 - 20.0).abs() < 1e-3);
        assert_eq!(motion.ahead(1.0), (0.0, 0.0));
    }

    #[test]
    fn of_a_few_looks_all_count_as_much() {
        let mut motion = Motion::new(Point::new(10.0, 0.0), 1.0);
        for (x, time, velocity) in [(10.0, 1.0, 0.0), (16.0, 1.125, 48.0), (18.0, 1.25, 32.0)] {
            motion.average(Point::new(x, 0.0), time);
            assert!((motion.ahead(time + 1.0).0 - velocity).abs() < 1e-9, "{:?}", motion.ahead(time + 1.0));
        }
    }
}

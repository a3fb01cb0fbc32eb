//! The points of one face over time, smoothed: where the face is, and where each point is on it.

use super::kalman::{Kalman, SmoothConfig};
use candle_vision_helpers::Point;

/// Where a point is on its face changes so much more slowly than where the face is.
const ON_FACE: f64 = 0.25;

/// Kalman filters of a face. A moving head carries all of its points along; were each point filtered by itself, the
/// filters would have to follow the head and could not hold the face together. So the mean of the points is filtered,
/// which trembles least, and how each point lies to the mean, which hardly moves. Points that tremble more than others
/// are smoothed more.
#[derive(Clone, Debug)]
pub(super) struct FaceSmoother {
    config: SmoothConfig,
    mean: Kalman,
    points: Vec<Kalman>,
}

impl FaceSmoother {
    pub(super) fn new(config: SmoothConfig) -> Self {
        Self { config, mean: Kalman::default(), points: Vec::new() }
    }

    /// The points smoothed, in pixels, at `time` in seconds; `size` is the face's, in pixels. A number of points that
    /// changes starts anew.
    pub(super) fn smooth(&mut self, points: &[Point], time: f64, size: f64) -> Vec<Point> {
        let Some(mean) = Point::mean(points.iter().copied()) else { return Vec::new() };
        if self.points.len() != points.len() {
            (self.mean, self.points) = (Kalman::default(), vec![Kalman::default(); points.len()]);
        }
        let (at, agility) = ((time, size), self.config.agility);
        let center = self.mean.smooth(mean, at, agility);
        let one = |(filter, p): (&mut Kalman, &Point)| {
            let own = filter.smooth(Point::new(p.x - mean.x, p.y - mean.y), at, ON_FACE * agility);
            Point::new(center.x + own.x, center.y + own.y)
        };
        self.points.iter_mut().zip(points).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_vision_helpers::rng::splitmix64;

    /// Between -1 and 1, as chance has it.
    fn chance(i: u64) -> f64 {
        (splitmix64(i) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// The root of the mean squared second difference.
    fn tremble(frames: &[Vec<Point>]) -> f64 {
        let bend = |w: &[Vec<Point>]| {
            let of = |i: usize| {
                let (x, y) = (w[2][i].x - 2.0 * w[1][i].x + w[0][i].x, w[2][i].y - 2.0 * w[1][i].y + w[0][i].y);
                x * x + y * y
            };
            (0..w[0].len()).map(of).sum::<f64>() / w[0].len() as f64
        };
        (frames.windows(3).map(bend).sum::<f64>() / (frames.len() - 2) as f64).sqrt()
    }

    /// Forty points on a face of 100 pixels that sways with up to half its size a second, each off by up to 1 %.
    #[test]
    fn a_moving_face_trembles_half_as_much_and_is_not_further_off() {
        let truth = |frame: usize, i: usize| {
            let sway = 40.0 * (frame as f64 / 30.0 * 1.25).sin();
            Point::new(300.0 + sway + 8.0 * (i % 8) as f64, 200.0 + 0.3 * sway + 10.0 * (i / 8) as f64)
        };
        let noise = |frame: usize, i: usize, axis: u64| chance(((frame * 64 + i) as u64) * 2 + axis);
        let seen = |frame: usize| {
            let one = |i: usize| {
                let p = truth(frame, i);
                Point::new(p.x + noise(frame, i, 0), p.y + noise(frame, i, 1))
            };
            (0..40).map(one).collect::<Vec<_>>()
        };
        let raw: Vec<Vec<Point>> = (0..300).map(seen).collect();
        let mut smoother = FaceSmoother::new(SmoothConfig::default());
        let smooth: Vec<Vec<Point>> =
            raw.iter().enumerate().map(|(i, points)| smoother.smooth(points, i as f64 / 30.0, 100.0)).collect();
        let part = tremble(&smooth) / tremble(&raw);
        assert!(part < 0.5, "{part}");
        let off = |frames: &[Vec<Point>]| {
            let one = |(frame, points): (usize, &Vec<Point>)| {
                points.iter().enumerate().map(|(i, p)| p.distance(truth(frame, i))).sum::<f64>()
            };
            frames.iter().enumerate().map(one).sum::<f64>()
        };
        assert!(off(&smooth) < off(&raw), "{} and {}", off(&smooth), off(&raw));
    }

    #[test]
    fn a_single_point_is_filtered_as_it_is_and_another_number_starts_anew() {
        let (mut smoother, mut filter) = (FaceSmoother::new(SmoothConfig::default()), Kalman::default());
        for i in 0..20u32 {
            let (point, time) = (Point::new(f64::from(i * i % 17), f64::from(i)), f64::from(i) / 25.0);
            let alone = filter.smooth(point, (time, 50.0), SmoothConfig::default().agility);
            assert!(smoother.smooth(&[point], time, 50.0)[0].distance(alone) < 1e-12);
        }
        let two = [Point::new(1.0, 2.0), Point::new(3.0, 5.0)];
        for (got, expected) in smoother.smooth(&two, 1.0, 50.0).iter().zip(two) {
            assert!(got.distance(expected) < 1e-12);
        }
        assert_eq!(smoother.smooth(&[], 1.1, 50.0), []);
    }
}

//! Where color samples lie between pixels, and their values at every pixel.

/// How color samples lie along a side of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// One for each pixel.
    Every,
    /// One for two pixels, between them.
    Between,
    /// One for two pixels, on the first.
    OnFirst,
}

impl Along {
    /// How many samples `pixels` have.
    pub(super) fn samples(self, pixels: usize) -> usize {
        if self == Self::Every { pixels } else { pixels.div_ceil(2) }
    }

    /// The samples that a pixel's color comes from; `samples` is above 0.
    fn taps(self, pixel: usize, samples: usize) -> Taps {
        let half = (pixel / 2).min(samples - 1);
        let (before, after) = (half.saturating_sub(1), (half + 1).min(samples - 1));
        match (self, pixel.is_multiple_of(2)) {
            (Self::Every, _) => Taps { near: pixel.min(samples - 1), far: 0, share: 4 },
            (Self::Between, true) => Taps { near: half, far: before, share: 3 },
            (Self::Between, false) => Taps { near: half, far: after, share: 3 },
            (Self::OnFirst, true) => Taps { near: half, far: half, share: 4 },
            (Self::OnFirst, false) => Taps { near: half, far: after, share: 2 },
        }
    }
}

/// A sample that counts `share` quarters, and one that counts the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taps {
    near: usize,
    far: usize,
    share: i32,
}

impl Taps {
    fn mix(self, value: impl Fn(usize) -> i32) -> i32 {
        self.share * value(self.near) + (4 - self.share) * value(self.far)
    }
}

/// Interpolates a plane of color samples, row by row of the picture's pixels.
pub(super) struct Rows {
    columns: Vec<Taps>,
    down: Along,
    /// Samples of a row and rows of samples.
    across: usize,
    rows: usize,
    mixed: Vec<i32>,
}

impl Rows {
    /// For pictures of `width × height` pixels, both above 0.
    pub(super) fn new((width, height): (usize, usize), (across, down): (Along, Along)) -> Self {
        let samples = across.samples(width);
        let columns = (0..width).map(|x| across.taps(x, samples)).collect();
        Self { columns, down, across: samples, rows: down.samples(height), mixed: vec![0; samples] }
    }

    /// The values of pixel row `y` in sixteenths, 128 being 2048, from the whole plane.
    pub(super) fn row(&mut self, plane: &[u8], y: usize, to: &mut [i32]) {
        let taps = self.down.taps(y, self.rows);
        let row = |i: usize| &plane[i * self.across..(i + 1) * self.across];
        let (near, far) = (row(taps.near), row(taps.far));
        for (i, mixed) in self.mixed.iter_mut().enumerate() {
            *mixed = taps.share * i32::from(near[i]) + (4 - taps.share) * i32::from(far[i]);
        }
        for (to, taps) in to.iter_mut().zip(&self.columns) {
            *to = taps.mix(|i| self.mixed[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of samples 16, 48 and 112 under five or six pixels, in sixteenths, worked out by hand.
    #[test]
    fn colors_between_samples_by_hand() {
        let of = |along: Along, width: usize, plane: &[u8]| {
            let mut values = vec![0; width];
            Rows::new((width, 1), (along, Along::Every)).row(plane, 0, &mut values);
            values.iter().map(|v| f64::from(*v) / 16.0).collect::<Vec<_>>()
        };
        assert_eq!(of(Along::Every, 3, &[16, 48, 112]), [16.0, 48.0, 112.0]);
        // the first sample lies between pixels 0 and 1: pixel 1 is a quarter of the way to the second
        assert_eq!(of(Along::Between, 6, &[16, 48, 112]), [16.0, 24.0, 40.0, 64.0, 96.0, 112.0]);
        assert_eq!(of(Along::OnFirst, 5, &[16, 48, 112]), [16.0, 32.0, 48.0, 80.0, 112.0]);
        assert_eq!(of(Along::Between, 1, &[16]), [16.0]);
    }

    #[test]
    fn rows_are_interpolated_as_columns_are() {
        let mut rows = Rows::new((1, 4), (Along::Every, Along::Between));
        let values = [0, 1, 2, 3].map(|y| {
            let mut value = [0];
            rows.row(&[0, 160], y, &mut value);
            value[0] / 16
        });
        assert_eq!(values, [0, 40, 120, 160]);
    }
}

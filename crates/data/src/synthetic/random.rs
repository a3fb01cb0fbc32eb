//! Seeded chance, and smooth noise that is a function of its place.

use candle_vision_helpers::rng::splitmix64;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The generator of one purpose (`stream`) of one thing (`index`) of a seed.
pub(super) fn generator(seed: u64, stream: u64, index: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(splitmix64(splitmix64(splitmix64(seed) ^ stream) ^ index))
}

/// The draws that a renderer needs.
pub(super) trait Draw {
    /// Uniform in `low..high`.
    fn range(&mut self, low: f64, high: f64) -> f64;
    /// About `mean`, bell-shaped, never further than three `spread`s.
    fn about(&mut self, mean: f64, spread: f64) -> f64;
    /// True with probability `p`.
    fn chance(&mut self, p: f64) -> bool;
    /// One of `items`, which are never empty here.
    fn pick<T: Copy>(&mut self, items: &[T]) -> T;
}

impl Draw for Pcg64Mcg {
    fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random::<f64>()
    }

    fn about(&mut self, mean: f64, spread: f64) -> f64 {
        // Three uniform draws: variance 1, bounded by 3.
        mean + spread * 2.0 * (self.random::<f64>() + self.random::<f64>() + self.random::<f64>() - 1.5)
    }

    fn chance(&mut self, p: f64) -> bool {
        self.random::<f64>() < p
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[(self.random::<f64>() * items.len() as f64) as usize % items.len()]
    }
}

/// Uniform in `0..1` from whole coordinates.
pub(super) fn hash(x: i32, y: i32, salt: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x8DA6_B343) ^ (y as u32).wrapping_mul(0xD816_3841) ^ salt.wrapping_mul(0xCB1A_B31F);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / (1u32 << 24) as f32
}

/// Smooth noise in `0..1`, one feature a unit.
pub(super) fn noise(x: f32, y: f32, salt: u32) -> f32 {
    // Rounding down by hand: `floor` is a library call without SSE4.1.
    let down = |v: f32| v as i32 - i32::from(v < 0.0);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (ix, iy) = (down(x), down(y));
    let (fx, fy) = (ease(x - ix as f32), ease(y - iy as f32));
    let row = |y| hash(ix, y, salt) + (hash(ix.wrapping_add(1), y, salt) - hash(ix, y, salt)) * fx;
    let (a, b) = (row(iy), row(iy.wrapping_add(1)));
    a + (b - a) * fy
}

/// Two octaves of [`noise`].
pub(super) fn noise2(x: f32, y: f32, salt: u32) -> f32 {
    (2.0 * noise(x, y, salt) + noise(2.1 * x + 7.3, 2.1 * y + 3.1, salt ^ 0x55)) / 3.0
}

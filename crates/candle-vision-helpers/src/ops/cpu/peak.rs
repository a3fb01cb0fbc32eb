//! The processor's limit: multiply-adds that read no memory and do not wait for each other.

use super::simd::{Kernel, Simd, Vectors};
use std::{hint::black_box, time::Instant};

/// Sums at the same time: more than a multiply-add's latency times the units of any processor that we know (4 × 2, or
/// 4 × 4 for NEON, where a sum is two), and few enough for AVX2's 16 registers and NEON's 32.
const SUMS: usize = 12;
/// Ten milliseconds or so.
const ROUNDS: usize = 4_000_000;

/// The floating-point operations a second (a multiply-add is two) that the threads of rayon's current pool reach
/// together with the vectors in use, in some ten milliseconds: what no kernel exceeds.
pub fn peak_flops() -> f64 {
    let vectors = Vectors::in_use();
    let start = Instant::now();
    let results = rayon::broadcast(|_| vectors.run(MultiplyAdds { rounds: ROUNDS }));
    let seconds = start.elapsed().as_secs_f64();
    let vectors_added = (black_box(results).len() * SUMS) as f64 * ROUNDS as f64;
    2.0 * vectors.lanes() as f64 * vectors_added / seconds
}

struct MultiplyAdds {
    rounds: usize,
}

impl Kernel for MultiplyAdds {
    type Out = f32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        // SAFETY: the caller has the features of `S`.
        unsafe {
            let half = S::splat(black_box(0.5));
            let mut sums = [half; SUMS];
            // from different values: equal sums would be computed once
            for i in 0..SUMS {
                sums[i] = S::splat(black_box(i as f32));
            }
            for _ in 0..self.rounds {
                for i in 0..SUMS {
                    // in place, as some processors have it alone; to infinity, which is as quick as a number
                    sums[i] = S::fma(sums[i], half, sums[i]);
                }
            }
            for i in 1..SUMS {
                sums[0] = S::add(sums[0], sums[i]);
            }
            S::sum(sums[0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round adds its half to every lane of every sum, which begin at 0, 1, and so on; ten are exact: 3^10 < 2^16.
    #[test]
    fn every_sum_of_every_lane_is_computed() {
        let vectors = Vectors::in_use();
        let lanes = vectors.lanes() as f32;
        for rounds in [1, 10] {
            let sums: f32 = (0..SUMS).map(|i| i as f32 * 1.5f32.powi(rounds)).sum();
            assert_eq!(vectors.run(MultiplyAdds { rounds: rounds as usize }), sums * lanes);
        }
    }

    #[test]
    fn the_peak_is_a_processors() {
        // from a hundredth of one slow core to a thousand fast ones
        let peak = peak_flops();
        assert!((1e7..1e15).contains(&peak), "{peak}");
    }
}

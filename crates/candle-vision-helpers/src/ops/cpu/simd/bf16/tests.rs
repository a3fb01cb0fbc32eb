//! Rounding and products, by hand, and the processor's against the portable ones.
#![allow(clippy::print_stderr)] // a test that cannot run says so

use super::*;
use crate::ops::cpu::simd::{Vectors, products::Products};

/// Bits of 16 words or numbers, in lanes as long as a vector.
fn lanes<S: Bf16>(f: impl Fn(usize) -> S::V) -> Vec<f32> {
    let mut all = vec![0.0; 16];
    for at in (0..16).step_by(S::LANES) {
        // SAFETY: LANES divides 16.
        unsafe { S::store(all.as_mut_ptr().add(at), f(at)) };
    }
    all
}

fn bits(all: &[f32]) -> Vec<u32> {
    all.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
}

/// From Intel's manual, "VCVTNEPS2BF16": the upper half of each of these, by hand.
#[test]
fn numbers_are_rounded_to_the_nearest_ties_to_even() {
    for (from, to) in [
        (0x3f80_0000, 0x3f80), // 1
        (0x3f80_8000, 0x3f80), // a tie, to even: down
        (0x3f81_8000, 0x3f82), // a tie, to even: up
        (0x3f80_8001, 0x3f81),
        (0xbf80_7fff, 0xbf80),
        (0x7f7f_ffff, 0x7f80), // the largest number becomes infinite
        (0x7f80_0000, 0x7f80),
        (0xff80_0000, 0xff80),
        (0x7f80_0001, 0x7fc0), // a NaN whose upper half alone would be infinite
        (0xffc1_2345, 0xffc1),
        (0x007f_ffff, 0x0000), // below the normal numbers
        (0x8000_0001, 0x8000),
    ] {
        assert_eq!(rounded(f32::from_bits(from)), to, "{from:#x}");
    }
}

/// 2⁻¹²⁶ is the least normal number. In order: the second factors come first, 2²⁴ + 1 is a tie that goes down to 2²⁴,
/// then 2²⁴ + 1 again; the other order gives 2²⁴ + 2 of 1 + (1 + 2²⁴).
#[test]
fn second_factors_are_added_first_and_each_sum_is_rounded() {
    let dot = |a: (f32, f32), b: (f32, f32), sum: f32| {
        // SAFETY: plain arrays need no feature.
        unsafe { Portable::dot([word(a.0, a.1); 8], [word(b.0, b.1); 8], [sum; 8])[0] }
    };
    let large = 2f32.powi(24);
    assert_eq!(dot((2.0, 3.0), (5.0, 7.0), 11.0), 42.0);
    assert_eq!(dot((1.0, large), (1.0, 1.0), 1.0), large);
    assert_eq!(dot((large, 1.0), (1.0, 1.0), 1.0), large + 2.0);
    assert_eq!(dot((f32::MIN_POSITIVE, 0.0), (0.5, 0.0), 0.0), 0.0, "below the normal numbers");
    assert_eq!(dot((0.0, 0.0), (0.0, 0.0), f32::MIN_POSITIVE / 2.0), 0.0, "below the normal numbers");
    assert!(dot((f32::INFINITY, 0.0), (0.0, 0.0), 0.0).is_nan() && dot((0.0, f32::NAN), (0.0, 0.0), 0.0).is_nan());
    assert_eq!(dot((f32::INFINITY, 1.0), (-1.0, 1.0), 0.0), f32::NEG_INFINITY);
}

/// Numbers of every kind: random bits, and random numbers near 1.
fn numbers(seed: u64, of_all_kinds: bool) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let number = |bits: u64| match of_all_kinds {
        // every eighth one an infinity or NaN, every eighth one below the normal numbers
        true if bits >> 61 == 0 => f32::from_bits(bits as u32 | 0x7f80_0000),
        true if bits >> 61 == 1 => f32::from_bits(bits as u32 & 0x807f_ffff),
        true => f32::from_bits(bits as u32),
        false => (bits >> 40) as f32 / (1u64 << 23) as f32 - 1.0,
    };
    (0..32).map(|_| number(next())).collect()
}

struct Results<'a>(&'a [f32], &'a [f32], &'a [f32], &'a std::sync::Mutex<Vec<u32>>);

impl PairKernel for Results<'_> {
    #[inline(always)]
    unsafe fn run<S: Bf16>(self) {
        let Self(a, b, sums, out) = self;
        // SAFETY: 32 numbers each; the caller has the features.
        unsafe {
            let load = |x: &[f32], at: usize| S::load(x.as_ptr().add(at));
            let words = |x: &[f32]| lanes::<S>(|at| S::neighbors(load(x, 2 * at), load(x, 2 * at + S::LANES)));
            let paired = lanes::<S>(|at| S::paired(load(a, at), load(b, at)));
            let left = lanes::<S>(|at| S::left_over(load(a, at)));
            let (a, b) = (words(a), words(b));
            let dots = lanes::<S>(|at| S::dot(load(&a, at), load(&b, at), load(sums, at)));
            // words are no numbers: all of their bits count
            let word_bits = [paired, a, b].concat().into_iter().map(f32::to_bits);
            if let Ok(mut out) = out.lock() {
                *out = word_bits.chain(bits(&dots)).chain(bits(&left)).collect();
            }
        }
    }
}

#[test]
fn the_processors_instructions_are_the_portable_arithmetic_bit_for_bit() {
    let here = Level::Avx512;
    // whether they are quick or not: the words of tiles are made by them, too
    #[cfg(target_arch = "x86_64")]
    let has_them = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    let has_them = false;
    if !here.is_there() || !has_them {
        eprintln!("no instructions for bf16 on this processor: they were not tested");
        return;
    }
    for seed in 1..2000 {
        let all = seed % 2 == 0;
        let (a, b, sums) = (numbers(seed, all), numbers(seed + 5000, all), numbers(seed + 9000, all));
        let run = |vectors: Vectors| {
            let out = std::sync::Mutex::new(Vec::new());
            vectors.run_pairs(Results(&a, &b, &sums, &out));
            out.into_inner().unwrap_or_default()
        };
        let (expected, got) = (run(Vectors(Level::Portable, Products::Pairs)), run(Vectors(here, Products::Pairs)));
        assert_eq!(expected.len(), 5 * 16);
        assert_eq!(got, expected, "seed {seed}");
    }
}

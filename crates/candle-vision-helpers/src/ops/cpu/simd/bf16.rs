//! Products of bf16 factors in pairs, twice as many at a time as of f32. A word, the bits of an f32, holds a pair: the
//! first factor in its low half.
//!
//! The arithmetic is that of the x86 instructions `VDPBF16PS` and `VCVTNE2PS2BF16` (Intel's manual, volume 2), which
//! the portable vectors repeat bit for bit.

use super::{Level, Simd, portable::Portable};

/// Vectors of words.
///
/// # Safety
/// As for [`Simd`]; [`Vectors::run_pairs`](super::Vectors::run_pairs) sees to it.
pub(crate) unsafe trait Bf16: Simd {
    /// In each lane the word of `first` and `second`, [`rounded`].
    unsafe fn paired(first: Self::V, second: Self::V) -> Self::V;
    /// The words of neighbors, [`rounded`]: lanes 0 and 1 of `low`, 2 and 3, and so on, then those of `high`.
    unsafe fn neighbors(low: Self::V, high: Self::V) -> Self::V;
    /// What rounding leaves of each lane: see [`left_over`].
    unsafe fn left_over(x: Self::V) -> Self::V;
    /// `sum + a * b` of the second factors, then that plus `a * b` of the first ones: each rounded once, with numbers
    /// below the normal ones taken for zero.
    unsafe fn dot(a: Self::V, b: Self::V, sum: Self::V) -> Self::V;
}

/// Work to be run with vectors of words.
pub(crate) trait PairKernel {
    /// # Safety
    /// As for [`Kernel::run`](super::Kernel::run).
    unsafe fn run<S: Bf16>(self);
}

/// The nearest bf16, ties to even. NaN stays NaN; numbers below the normal ones become zero.
pub(crate) fn rounded(x: f32) -> u16 {
    let bits = x.to_bits();
    let upper = if x.is_nan() {
        bits | 0x40_0000
    } else if bits & 0x7f80_0000 == 0 {
        bits & 0x8000_0000
    } else {
        bits + 0x7fff + (bits >> 16 & 1)
    };
    (upper >> 16) as u16
}

/// The word of two numbers, [`rounded`].
pub(crate) fn word(first: f32, second: f32) -> f32 {
    f32::from_bits(u32::from(rounded(first)) | u32::from(rounded(second)) << 16)
}

/// What rounding left of a number; zero where that is infinite or NaN.
pub(crate) fn left_over(x: f32) -> f32 {
    let rounded = f32::from_bits(u32::from(rounded(x)) << 16);
    if rounded.is_finite() { x - rounded } else { 0.0 }
}

/// Whether an instruction multiplies pairs faster than f32. AMD's does (Zen 5: 540 GFLOP/s a thread where f32 has 270),
/// Intel's takes longer (a Xeon: 114 where f32 has 236).
#[cfg(target_arch = "x86_64")]
pub(super) fn quick(level: Level) -> bool {
    static QUICK: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    level == Level::Avx512
        && *QUICK.get_or_init(|| {
            // SAFETY: every processor of this architecture has the instruction.
            #[allow(unused_unsafe, reason = "newer compilers have it as safe")]
            let id = unsafe { std::arch::x86_64::__cpuid(0) };
            let vendor: Vec<u8> = [id.ebx, id.edx, id.ecx].iter().flat_map(|r| r.to_le_bytes()).collect();
            vendor == b"AuthenticAMD" && is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw")
        })
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn quick(_: Level) -> bool {
    false
}

// SAFETY: no processor feature is needed.
unsafe impl Bf16 for Portable {
    #[inline(always)]
    unsafe fn paired(first: Self::V, second: Self::V) -> Self::V {
        std::array::from_fn(|i| word(first[i], second[i]))
    }
    #[inline(always)]
    unsafe fn neighbors(low: Self::V, high: Self::V) -> Self::V {
        std::array::from_fn(|i| {
            let (from, at) = if i < Self::LANES / 2 { (&low, 2 * i) } else { (&high, 2 * i - Self::LANES) };
            word(from[at], from[at + 1])
        })
    }
    #[inline(always)]
    unsafe fn left_over(x: Self::V) -> Self::V {
        x.map(left_over)
    }
    #[inline(always)]
    unsafe fn dot(a: Self::V, b: Self::V, sum: Self::V) -> Self::V {
        let normal = |x: f32| if x.is_subnormal() { 0f32.copysign(x) } else { x };
        let first = |word: f32| normal(f32::from_bits(word.to_bits() << 16));
        let second = |word: f32| normal(f32::from_bits(word.to_bits() & 0xffff_0000));
        std::array::from_fn(|i| {
            let sum = normal(second(a[i]).mul_add(second(b[i]), normal(sum[i])));
            normal(first(a[i]).mul_add(first(b[i]), sum))
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Bf16;
    use crate::ops::cpu::simd::x86::Avx512;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    // SAFETY (of all blocks here): the trait's contract: the caller has the features. The types that are transmuted are
    // of one size each, and of their bits all are good.
    unsafe impl Bf16 for Avx512 {
        #[inline(always)]
        unsafe fn paired(first: __m512, second: __m512) -> __m512 {
            // SAFETY: see the impl.
            unsafe {
                let both: __m512i = transmute(_mm512_cvtne2ps_pbh(second, first));
                // 0, 16, 1, 17, …
                let even = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let order =
                    _mm512_or_si512(even, _mm512_slli_epi32::<16>(_mm512_add_epi32(even, _mm512_set1_epi32(16))));
                _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both))
            }
        }
        #[inline(always)]
        unsafe fn neighbors(low: __m512, high: __m512) -> __m512 {
            // SAFETY: see the impl.
            unsafe { transmute(_mm512_cvtne2ps_pbh(high, low)) }
        }
        #[inline(always)]
        unsafe fn left_over(x: __m512) -> __m512 {
            // SAFETY: see the impl.
            unsafe {
                let upper = _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x)));
                let rounded = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(upper));
                let finite = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(_mm512_abs_ps(rounded), _mm512_set1_ps(f32::INFINITY));
                _mm512_maskz_sub_ps(finite, x, rounded)
            }
        }
        #[inline(always)]
        unsafe fn dot(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: see the impl.
            unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512, __m512bh>(a), transmute::<__m512, __m512bh>(b)) }
        }
    }
}

#[cfg(test)]
mod tests;

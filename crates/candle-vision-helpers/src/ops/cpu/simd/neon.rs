//! NEON: pairs of its vectors of four floats, so that everything is cut as for AVX2 and the sums are the same to the
//! bit. A tile of six rows by two pairs takes 24 of the 32 registers.

use super::Simd;
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub(crate) struct Neon;

// SAFETY (of all blocks here): the trait's contract: the caller has the feature, and its pointers are good for LANES
// floats.
unsafe impl Simd for Neon {
    const LANES: usize = 8;
    type V = float32x4x2_t;
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(vld1q_f32(p), vld1q_f32(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: see the impl.
        unsafe {
            vst1q_f32(p, v.0);
            vst1q_f32(p.add(4), v.1);
        }
    }
    #[inline(always)]
    unsafe fn load_lanes(v: Self::V, p: *const f32, lanes: u16) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(load_four(v.0, p, lanes), load_four(v.1, p.wrapping_add(4), lanes >> 4)) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(vdupq_n_f32(x), vdupq_n_f32(x)) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(vfmaq_f32(c.0, a.0, b.0), vfmaq_f32(c.1, a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(vaddq_f32(a.0, b.0), vaddq_f32(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn gated(gate: Self::V, x: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(gated_four(gate.0, x.0), gated_four(gate.1, x.1)) }
    }
    #[inline(always)]
    unsafe fn at_most(x: Self::V, most: Self::V) -> Self::V {
        // NaN where either is. SAFETY: see the impl.
        unsafe { float32x4x2_t(vminq_f32(x.0, most.0), vminq_f32(x.1, most.1)) }
    }
    #[inline(always)]
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { float32x4x2_t(greater_four(a.0, b.0), greater_four(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize) {
        // SAFETY: see the impl; `rows` holds 8 vectors.
        unsafe {
            for half in 0..2 {
                let r = |i: usize| *rows.get_unchecked(4 * half + i);
                let (r0, r1, r2, r3) = (r(0), r(1), r(2), r(3));
                let to = to.add(4 * half);
                store_columns([r0.0, r1.0, r2.0, r3.0], to, pitch);
                store_columns([r0.1, r1.1, r2.1, r3.1], to.add(4 * pitch), pitch);
            }
        }
    }
}

/// `v` with the lanes of the lowest four bits from `p + lane`. There is no masked load: a lane that is not asked for is
/// skipped, and where all are asked for, one load reads them.
///
/// # Safety
/// The processor has NEON; the lanes asked for are readable.
#[inline(always)]
unsafe fn load_four(mut v: float32x4_t, p: *const f32, lanes: u16) -> float32x4_t {
    // SAFETY: the caller's contract.
    unsafe {
        if lanes & 15 == 15 {
            return vld1q_f32(p);
        }
        if lanes & 1 != 0 {
            v = vld1q_lane_f32::<0>(p, v);
        }
        if lanes & 2 != 0 {
            v = vld1q_lane_f32::<1>(p.wrapping_add(1), v);
        }
        if lanes & 4 != 0 {
            v = vld1q_lane_f32::<2>(p.wrapping_add(2), v);
        }
        if lanes & 8 != 0 {
            v = vld1q_lane_f32::<3>(p.wrapping_add(3), v);
        }
        v
    }
}

/// # Safety
/// The processor has NEON.
#[inline(always)]
unsafe fn gated_four(gate: float32x4_t, x: float32x4_t) -> float32x4_t {
    // "Less or equal" is false for NaN. SAFETY: the caller's contract.
    unsafe { vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vclezq_f32(gate))) }
}

/// # Safety
/// The processor has NEON.
#[inline(always)]
unsafe fn greater_four(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    // The second one of two zeros, as x86 does, where NEON's own maximum is the positive one.
    // SAFETY: the caller's contract.
    unsafe { vbslq_f32(vornq_u32(vcgtq_f32(a, b), vceqq_f32(a, a)), a, b) }
}

/// Writes four rows of four floats, the columns of the rows given.
///
/// # Safety
/// The processor has NEON; `to` is good for four rows at the pitch.
#[inline(always)]
unsafe fn store_columns([r0, r1, r2, r3]: [float32x4_t; 4], to: *mut f32, pitch: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        // even and odd columns of two rows, alternating
        let (even, odd) = (vtrn1q_f32(r0, r1), vtrn2q_f32(r0, r1));
        let (even, odd) = (vreinterpretq_f64_f32(even), vreinterpretq_f64_f32(odd));
        let (low_even, low_odd) = (vtrn1q_f32(r2, r3), vtrn2q_f32(r2, r3));
        let (low_even, low_odd) = (vreinterpretq_f64_f32(low_even), vreinterpretq_f64_f32(low_odd));
        let store = |j: usize, v| vst1q_f32(to.add(j * pitch), vreinterpretq_f32_f64(v));
        store(0, vzip1q_f64(even, low_even));
        store(1, vzip1q_f64(odd, low_odd));
        store(2, vzip2q_f64(even, low_even));
        store(3, vzip2q_f64(odd, low_odd));
    }
}

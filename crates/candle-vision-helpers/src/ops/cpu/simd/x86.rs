//! AVX2 with FMA, and AVX-512F.

use super::Simd;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

// SAFETY (of all blocks here): the trait's contract: the caller has the features, and its pointers are good for LANES
// floats.
unsafe impl Simd for Avx2 {
    const LANES: usize = 8;
    type V = __m256;
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: see the impl.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_lanes(v: Self::V, p: *const f32, lanes: u16) -> Self::V {
        // Lanes that are not asked for are not read. SAFETY: see the impl.
        unsafe {
            let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let mask = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(i32::from(lanes)), bits), bits);
            _mm256_blendv_ps(v, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask))
        }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        // SAFETY: it reads nothing, and every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_near(p: *const f32) {
        // SAFETY: it reads nothing, and every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn gated(gate: Self::V, x: Self::V) -> Self::V {
        // "Not less or equal" is true for NaN. SAFETY: see the impl.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(gate, _mm256_setzero_ps()), x) }
    }
    #[inline(always)]
    unsafe fn at_most(x: Self::V, most: Self::V) -> Self::V {
        // The second one where either is NaN. SAFETY: see the impl.
        unsafe { _mm256_min_ps(most, x) }
    }
    #[inline(always)]
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::V {
        // The maximum is the second one where either is NaN. SAFETY: see the impl.
        unsafe { _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) }
    }
    #[inline(always)]
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize) {
        // SAFETY: see the impl; `rows` holds 8 vectors.
        unsafe {
            let r = |i: usize| *rows.get_unchecked(i);
            let (a0, a1) = (_mm256_unpacklo_ps(r(0), r(1)), _mm256_unpackhi_ps(r(0), r(1)));
            let (a2, a3) = (_mm256_unpacklo_ps(r(2), r(3)), _mm256_unpackhi_ps(r(2), r(3)));
            let (a4, a5) = (_mm256_unpacklo_ps(r(4), r(5)), _mm256_unpackhi_ps(r(4), r(5)));
            let (a6, a7) = (_mm256_unpacklo_ps(r(6), r(7)), _mm256_unpackhi_ps(r(6), r(7)));
            let b0 = _mm256_shuffle_ps::<0x44>(a0, a2);
            let b1 = _mm256_shuffle_ps::<0xee>(a0, a2);
            let b2 = _mm256_shuffle_ps::<0x44>(a1, a3);
            let b3 = _mm256_shuffle_ps::<0xee>(a1, a3);
            let b4 = _mm256_shuffle_ps::<0x44>(a4, a6);
            let b5 = _mm256_shuffle_ps::<0xee>(a4, a6);
            let b6 = _mm256_shuffle_ps::<0x44>(a5, a7);
            let b7 = _mm256_shuffle_ps::<0xee>(a5, a7);
            _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(b0, b4));
            _mm256_storeu_ps(to.add(pitch), _mm256_permute2f128_ps::<0x20>(b1, b5));
            _mm256_storeu_ps(to.add(2 * pitch), _mm256_permute2f128_ps::<0x20>(b2, b6));
            _mm256_storeu_ps(to.add(3 * pitch), _mm256_permute2f128_ps::<0x20>(b3, b7));
            _mm256_storeu_ps(to.add(4 * pitch), _mm256_permute2f128_ps::<0x31>(b0, b4));
            _mm256_storeu_ps(to.add(5 * pitch), _mm256_permute2f128_ps::<0x31>(b1, b5));
            _mm256_storeu_ps(to.add(6 * pitch), _mm256_permute2f128_ps::<0x31>(b2, b6));
            _mm256_storeu_ps(to.add(7 * pitch), _mm256_permute2f128_ps::<0x31>(b3, b7));
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

// SAFETY (of all blocks here): as for `Avx2`.
unsafe impl Simd for Avx512 {
    const LANES: usize = 16;
    type V = __m512;
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: see the impl.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_lanes(v: Self::V, p: *const f32, lanes: u16) -> Self::V {
        // As above. SAFETY: see the impl.
        unsafe { _mm512_mask_loadu_ps(v, lanes, p) }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_near(p: *const f32) {
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see the impl.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn gated(gate: Self::V, x: Self::V) -> Self::V {
        // As above. SAFETY: see the impl.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(gate, _mm512_setzero_ps()), x) }
    }
    #[inline(always)]
    unsafe fn at_most(x: Self::V, most: Self::V) -> Self::V {
        // The second one where either is NaN. SAFETY: see the impl.
        unsafe { _mm512_min_ps(most, x) }
    }
    #[inline(always)]
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::V {
        // As above. SAFETY: see the impl.
        unsafe { _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a), a) }
    }
    #[inline(always)]
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize) {
        // SAFETY: see the impl; `rows` holds 16 vectors.
        unsafe {
            let mut a = [_mm512_setzero_ps(); 16];
            for i in 0..8 {
                let (x, y) = (*rows.get_unchecked(2 * i), *rows.get_unchecked(2 * i + 1));
                a[2 * i] = _mm512_unpacklo_ps(x, y);
                a[2 * i + 1] = _mm512_unpackhi_ps(x, y);
            }
            // b[4 i + j], 128-bit part l: column 4 l + j of rows 4 i .. 4 i + 4
            let mut b = [_mm512_setzero_ps(); 16];
            for i in 0..4 {
                b[4 * i] = _mm512_shuffle_ps::<0x44>(a[4 * i], a[4 * i + 2]);
                b[4 * i + 1] = _mm512_shuffle_ps::<0xee>(a[4 * i], a[4 * i + 2]);
                b[4 * i + 2] = _mm512_shuffle_ps::<0x44>(a[4 * i + 1], a[4 * i + 3]);
                b[4 * i + 3] = _mm512_shuffle_ps::<0xee>(a[4 * i + 1], a[4 * i + 3]);
            }
            for j in 0..4 {
                let lo0 = _mm512_shuffle_f32x4::<0x44>(b[j], b[4 + j]); // parts 0 1 of rows 0-3, then of rows 4-7
                let hi0 = _mm512_shuffle_f32x4::<0xee>(b[j], b[4 + j]); // parts 2 3
                let lo1 = _mm512_shuffle_f32x4::<0x44>(b[8 + j], b[12 + j]);
                let hi1 = _mm512_shuffle_f32x4::<0xee>(b[8 + j], b[12 + j]);
                _mm512_storeu_ps(to.add(j * pitch), _mm512_shuffle_f32x4::<0x88>(lo0, lo1));
                _mm512_storeu_ps(to.add((4 + j) * pitch), _mm512_shuffle_f32x4::<0xdd>(lo0, lo1));
                _mm512_storeu_ps(to.add((8 + j) * pitch), _mm512_shuffle_f32x4::<0x88>(hi0, hi1));
                _mm512_storeu_ps(to.add((12 + j) * pitch), _mm512_shuffle_f32x4::<0xdd>(hi0, hi1));
            }
        }
    }
}

//! Vectors as plain arrays: right everywhere, and vectorized by the compiler where the target's base features allow it.

use super::{Simd, gated};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

const N: usize = 8;

// SAFETY: no processor feature is needed.
unsafe impl Simd for Portable {
    const LANES: usize = N;
    type V = [f32; N];
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the caller vouches for N readable floats; arrays of floats may be read unaligned this way.
        unsafe { p.cast::<[f32; N]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for N writable floats.
        unsafe { p.cast::<[f32; N]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_lanes(v: Self::V, p: *const f32, lanes: u16) -> Self::V {
        // SAFETY: the caller vouches for these lanes.
        std::array::from_fn(|i| if lanes >> i & 1 == 1 { unsafe { *p.wrapping_add(i) } } else { v[i] })
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [x; N]
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn gated(gate: Self::V, x: Self::V) -> Self::V {
        std::array::from_fn(|i| gated(gate[i], x[i]))
    }
    #[inline(always)]
    unsafe fn at_most(x: Self::V, most: Self::V) -> Self::V {
        std::array::from_fn(|i| if x[i] > most[i] { most[i] } else { x[i] })
    }
    #[inline(always)]
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] > b[i] || a[i].is_nan() { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize) {
        for j in 0..N {
            for (i, row) in rows.iter().enumerate().take(N) {
                // SAFETY: the caller vouches for N rows of N floats at the pitch.
                unsafe { *to.add(j * pitch + i) = row[j] };
            }
        }
    }
}

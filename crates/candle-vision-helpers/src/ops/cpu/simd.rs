//! One vector type a processor: the few operations that the kernels are written in, and the choice among them at run time.
//!
//! A kernel is a struct that implements [`Kernel`]; its body is generic over [`Simd`] and `#[inline(always)]`, so that it is
//! compiled once inside each `#[target_feature]` entry function of [`run`]. No `target-cpu=native` is needed, and the same
//! binary runs on processors without AVX.

use std::sync::atomic::{AtomicU8, Ordering};

/// A vector of `LANES` floats. All functions are `#[inline(always)]`: they take the caller's target features.
///
/// # Safety
/// The functions may only be called where the processor has the features of the implementation, which [`run`] sees to.
pub(crate) unsafe trait Simd: Copy + 'static {
    /// Floats in a vector: a multiple of 4, at most 16.
    const LANES: usize;
    type V: Copy;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    unsafe fn splat(x: f32) -> Self::V;
    /// `a * b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `x` where `gate > 0`, else 0.
    unsafe fn keep_positive(gate: Self::V, x: Self::V) -> Self::V;
    /// Writes `LANES` rows of `LANES` floats, the columns of the rows given: `to[j * pitch + i] = rows[i][j]`.
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize);
    /// The sum of the lanes, in an order of its own that never changes.
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        let mut lanes = [0f32; 16];
        // SAFETY: LANES is at most 16.
        unsafe { Self::store(lanes.as_mut_ptr(), v) };
        let mut width = Self::LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        lanes[0]
    }
}

/// Work to be run with the widest vectors there are.
pub(crate) trait Kernel {
    type Out;
    /// # Safety
    /// The processor must have the features of `S`. Implementations are `#[inline(always)]`.
    unsafe fn run<S: Simd>(self) -> Self::Out;
}

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Level {
    /// Plain Rust arrays: any processor.
    Portable = 1,
    /// AVX2 with fused multiply-add.
    Avx2 = 2,
    /// AVX-512F.
    Avx512 = 3,
}

/// 0: not asked yet; else a [`Level`].
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The instruction set in use: the best one this processor has, unless [`force_level`] or the environment variable
/// `CANDLE_VISION_SIMD` (`portable`, `avx2`, `avx512`; read once) asks for a lesser one.
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => {
            let asked = match std::env::var("CANDLE_VISION_SIMD").as_deref() {
                Ok("portable") => Level::Portable,
                Ok("avx2") => Level::Avx2,
                _ => Level::Avx512,
            };
            force_level(asked)
        }
    }
}

/// Uses at most the given instruction set from now on, in the whole process: for tests and comparisons. Returns what is used.
pub fn force_level(asked: Level) -> Level {
    let best = best();
    let used = if (asked as u8) < best as u8 { asked } else { best };
    LEVEL.store(used as u8, Ordering::Relaxed);
    used
}

fn best() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Portable
}

/// Runs a kernel with the vectors of [`level`].
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Out {
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` never exceeds what the processor was found to have.
        Level::Avx512 => unsafe { run_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { run_avx2(kernel) },
        // SAFETY: plain arrays need no feature.
        _ => unsafe { kernel.run::<super::simd_portable::Portable>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller has checked for AVX-512F.
    unsafe { kernel.run::<super::simd_x86::Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller has checked for AVX2 and FMA.
    unsafe { kernel.run::<super::simd_x86::Avx2>() }
}

/// Floats in a vector of the instruction set in use.
pub(crate) fn lanes() -> usize {
    match level() {
        Level::Avx512 => 16,
        _ => 8,
    }
}

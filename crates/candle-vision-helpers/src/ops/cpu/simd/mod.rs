//! One vector type per kind of processor: the few operations that the kernels are written in, and the choice among them
//! at run time.
//!
//! A kernel is a struct that implements [`Kernel`]; its body is generic over [`Simd`] and `#[inline(always)]`, so that
//! it is compiled once inside each `#[target_feature]` entry function of [`Vectors::run`]. No `target-cpu=native` is
//! needed, and the same binary runs on processors without AVX.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
pub(crate) mod bf16;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
pub(crate) mod products;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use products::Products;
use std::sync::atomic::{AtomicU8, Ordering};

/// A vector of `LANES` floats. All functions are `#[inline(always)]`: they take the caller's target features.
///
/// # Safety
/// The functions may only be called where the processor has the features of the implementation, which [`Vectors::run`]
/// sees to.
pub(crate) unsafe trait Simd: Copy + 'static {
    /// Floats in a vector: a multiple of 4, at most 16.
    const LANES: usize;
    type V: Copy;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    /// `v` with the lanes whose bits are set from `p + lane`, where nothing else is read.
    unsafe fn load_lanes(v: Self::V, p: *const f32, lanes: u16) -> Self::V;
    unsafe fn splat(x: f32) -> Self::V;
    /// `a * b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `x` in lanes where `gate` is above 0 or NaN, else 0: see [`gated`].
    unsafe fn gated(gate: Self::V, x: Self::V) -> Self::V;
    /// The lesser of two lanes; NaN where `x` is NaN.
    unsafe fn at_most(x: Self::V, most: Self::V) -> Self::V;
    /// The greater of two lanes; NaN where either is.
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::V;
    /// Writes `LANES` rows of `LANES` floats, the columns of the rows given: `to[j * pitch + i] = rows[i][j]`.
    unsafe fn store_transposed(rows: &[Self::V], to: *mut f32, pitch: usize);
    /// Has the line of the cache that a float lies in fetched to the second level, where the processor can be told to:
    /// any address will do.
    #[inline(always)]
    fn prefetch(_: *const f32) {}
    /// The same to the first level.
    #[inline(always)]
    fn prefetch_near(_: *const f32) {}
    /// The sum of the lanes, in an order that never changes.
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

/// `x` where a ReLU that gave `gate` is open, else 0. NaN is open, forwards (`gated(x, x)` is the ReLU) and backwards,
/// as in PyTorch: a diverged network shows.
#[inline(always)]
pub(crate) fn gated(gate: f32, x: f32) -> f32 {
    if gate <= 0.0 { 0.0 } else { x }
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
    /// NEON, which every aarch64 processor has, with fused multiply-add: 8 floats in a pair of vectors. Results are
    /// those of [`Level::Avx2`], bit for bit.
    Neon = 2,
    /// AVX2 with fused multiply-add: 8 floats in a vector.
    Avx2 = 3,
    /// AVX-512F: 16 floats in a vector.
    Avx512 = 4,
}

impl Level {
    /// All, from the least to the best; no processor has every one.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Whether this processor has it.
    fn is_there(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }
}

/// 0: not asked yet; else a [`Level`].
static LEVEL: AtomicU8 = AtomicU8::new(0);

fn stored(level: u8) -> Option<Level> {
    Level::ALL.into_iter().find(|l| *l as u8 == level)
}

/// The instruction set in use: the best one this processor has, unless [`force_level`] or the environment variable
/// `CANDLE_VISION_SIMD` (`portable`, `neon`, `avx2`, `avx512`; read once) asks for a lesser one. One that the processor
/// lacks stands for the best that it has below. `amx` asks for AVX-512 with AMX's tiles for products in training, which
/// have run on an emulated processor only.
pub fn level() -> Level {
    if let Some(level) = stored(LEVEL.load(Ordering::Relaxed)) {
        return level;
    }
    let asked = match std::env::var("CANDLE_VISION_SIMD").as_deref() {
        Ok("portable") => Level::Portable,
        Ok("neon") => Level::Neon,
        Ok("avx2") => Level::Avx2,
        _ => Level::Avx512,
    };
    let found = at_most(asked);
    // what another thread has forced meanwhile stays
    match LEVEL.compare_exchange(0, found as u8, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => found,
        Err(forced) => stored(forced).unwrap_or(found),
    }
}

/// Uses at most the given instruction set in operations that start from now on, in the whole process: for tests and
/// comparisons. Returns what is used.
pub fn force_level(asked: Level) -> Level {
    let used = at_most(asked);
    LEVEL.store(used as u8, Ordering::Relaxed);
    used
}

fn at_most(asked: Level) -> Level {
    let fits = |level: &Level| *level as u8 <= asked as u8 && level.is_there();
    Level::ALL.into_iter().rev().find(fits).unwrap_or(Level::Portable)
}

/// The vectors that a piece of work runs with, and how products are computed: asked for once, before it is cut
/// into tasks, since how it is cut depends on them and [`force_level`] may be called meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Vectors(Level, Products);

impl Vectors {
    /// Those of [`level`], which never exceeds what the processor was found to have: there is no other way to make one.
    pub(crate) fn in_use() -> Self {
        let (level, products) = products::products(level());
        Self(level, products)
    }

    /// The same with products of f32.
    pub(crate) fn exact(self) -> Self {
        Self(self.0, Products::Exact)
    }

    /// Whose they are.
    pub(crate) fn level(self) -> Level {
        self.0
    }

    /// How the factors of convolutions that train are multiplied.
    pub(crate) fn products(self) -> Products {
        self.1
    }

    /// Floats in a vector.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Level::Avx512 => 16,
            _ => 8,
        }
    }

    /// Runs a kernel with these vectors.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: see `in_use`.
            Level::Avx512 => unsafe { run_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { run_avx2(kernel) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the architecture's own floats need NEON, so it is in the target's base features.
            Level::Neon => unsafe { kernel.run::<neon::Neon>() },
            // SAFETY: plain arrays need no feature.
            _ => unsafe { kernel.run::<portable::Portable>() },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller has checked for AVX-512F.
    unsafe { kernel.run::<x86::Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller has checked for AVX2 and FMA.
    unsafe { kernel.run::<x86::Avx2>() }
}

//! Products by tiles of matrices: 16 rows of 16 words, each of two bf16 (see [`bf16`](super::simd::bf16)), as Intel's
//! AMX has them. **Run on an emulated processor only**: none with AMX was at hand. All but the instructions is
//! tested with [`emulated`] ones; `CANDLE_VISION_SIMD=amx` asks for the real ones, in tests too.
//!
//! A factor is one bf16, or two: x = high + low, of whose product low · low is left out. That has a relative error near
//! 4e-6, little more than f32's.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
pub(crate) mod correlation;
pub(crate) mod emulated;
pub(crate) mod product;

use super::gemm::tile_matrix::{Factor, SIDE};
use super::simd::bf16::{Bf16, PairKernel};
use super::simd::products::Parts;
use super::simd::{Level, Vectors};

/// Eight registers of a tile each.
pub(crate) trait Unit {
    /// # Safety
    /// The processor has the unit, in this and in all functions.
    unsafe fn start() -> Self;
    unsafe fn clear<const T: usize>(&mut self);
    /// 16 rows of 16 words, `pitch` words from one to the next.
    unsafe fn load<const T: usize>(&mut self, from: *const f32, pitch: usize);
    unsafe fn store<const T: usize>(&mut self, to: *mut f32, pitch: usize);
    /// `C[m][n] += sum over k of A[m][k] * B[k][n]`, of both factors of the words.
    unsafe fn add_products<const C: usize, const A: usize, const B: usize>(&mut self);
}

/// Work to be run with tiles.
pub(crate) trait TileKernel {
    /// # Safety
    /// As for [`Unit`] and [`Kernel::run`](super::simd::Kernel::run).
    unsafe fn run<S: Bf16, U: Unit>(self);
}

impl Vectors {
    /// Runs a kernel with tiles.
    pub(crate) fn run_tiles<K: TileKernel>(self, kernel: K) {
        self.run_pairs(OnTiles(kernel, self.level()));
    }
}

struct OnTiles<K>(K, Level);

impl<K: TileKernel> PairKernel for OnTiles<K> {
    #[inline(always)]
    unsafe fn run<S: Bf16>(self) {
        match self.1 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as for `run_pairs`.
            Level::Avx512 => unsafe { self.0.run::<S, amx::Amx>() },
            // SAFETY: the caller's contract.
            _ => unsafe { self.0.run::<S, emulated::Emulated>() },
        }
    }
}

/// 32 rows by a panel of 16 or 32 columns: `c[m][n] (+)= sum over k of a[m][k] * b[k][n]`.
pub(crate) struct Quad {
    pub parts: Parts,
    pub a: Factor,
    /// Its pitch is the panel's width.
    pub b: Factor,
    /// Words along each sum: a multiple of 16.
    pub depth: usize,
    /// 32 rows as wide as the panel.
    pub c: *mut f32,
    /// Whether there are sums in `c` already.
    pub continued: bool,
}

impl Quad {
    /// Computes it, in registers 0 to 3, with `a` in 4 and 5 and `b` in 6 and 7.
    ///
    /// # Safety
    /// As for [`Unit`]; all that is addressed lies inside the buffers.
    #[inline(always)]
    pub(crate) unsafe fn run<U: Unit>(&self, unit: &mut U) {
        let Self { parts, a, b, depth, c, continued } = *self;
        let wide = b.pitch;
        let below = SIDE * wide;
        // SAFETY: the caller's contract.
        unsafe {
            if continued {
                unit.load::<0>(c, wide);
                unit.load::<2>(c.add(below), wide);
            } else {
                unit.clear::<0>();
                unit.clear::<2>();
            }
            if wide > SIDE && continued {
                unit.load::<1>(c.add(SIDE), wide);
                unit.load::<3>(c.add(below + SIDE), wide);
            } else {
                unit.clear::<1>();
                unit.clear::<3>();
            }
            for k in (0..depth).step_by(SIDE) {
                self.a(unit, a.high, k);
                self.b(unit, b.high, k);
                products(unit, wide);
                if parts == Parts::Two {
                    self.b(unit, b.low, k);
                    products(unit, wide);
                    self.a(unit, a.low, k);
                    self.b(unit, b.high, k);
                    products(unit, wide);
                }
            }
            unit.store::<0>(c, wide);
            unit.store::<2>(c.add(below), wide);
            if wide > SIDE {
                unit.store::<1>(c.add(SIDE), wide);
                unit.store::<3>(c.add(below + SIDE), wide);
            }
        }
    }

    #[inline(always)]
    unsafe fn a<U: Unit>(&self, unit: &mut U, words: *const f32, k: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            unit.load::<4>(words.add(k), self.a.pitch);
            unit.load::<5>(words.add(SIDE * self.a.pitch + k), self.a.pitch);
        }
    }

    #[inline(always)]
    unsafe fn b<U: Unit>(&self, unit: &mut U, words: *const f32, k: usize) {
        let wide = self.b.pitch;
        // SAFETY: the caller's contract.
        unsafe {
            unit.load::<6>(words.add(k * wide), wide);
            if wide > SIDE {
                unit.load::<7>(words.add(k * wide + SIDE), wide);
            }
        }
    }
}

#[inline(always)]
unsafe fn products<U: Unit>(unit: &mut U, wide: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        unit.add_products::<0, 4, 6>();
        unit.add_products::<2, 5, 6>();
        if wide > SIDE {
            unit.add_products::<1, 4, 7>();
            unit.add_products::<3, 5, 7>();
        }
    }
}

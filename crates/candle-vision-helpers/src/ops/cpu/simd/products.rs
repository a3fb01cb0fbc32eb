//! How the factors of convolutions that train are multiplied: what the precision allows, and what the processor has.

#[cfg(target_arch = "x86_64")]
use super::amx::in_use as has_amx;
use super::bf16::{PairKernel, quick};
use super::{Level, Vectors, level, portable::Portable};
use crate::ops::precision::{Precision, precision};
use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(not(target_arch = "x86_64"))]
fn has_amx() -> bool {
    false
}

/// The bf16 that a factor of a tile is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    One = 1,
    Two = 2,
}

/// How the factors of convolutions that train are multiplied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Products {
    /// As f32.
    Exact,
    /// As pairs of bf16, by vectors.
    Pairs,
    /// As pairs of bf16, by tiles of matrices as AMX has them.
    Tiles(Parts),
}

/// For tests: what is computed by portable arithmetic where the processor has no quick instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Emulated {
    /// Nothing.
    Nothing = 0,
    /// Products of pairs of bf16, where [`Precision::Bf16`] is set.
    Pairs = 1,
    /// Products of tiles, whatever the precision.
    Tiles = 2,
}

/// An [`Emulated`].
static EMULATED: AtomicU8 = AtomicU8::new(Emulated::Nothing as u8);

/// Computes products so at every level and on every processor, in the whole process: for tests. Returns whether the
/// level in use has an instruction for pairs of bf16.
pub fn emulate(what: Emulated) -> bool {
    EMULATED.store(what as u8, Ordering::Relaxed);
    quick(level())
}

/// How products are computed where this level is in use, and by the vectors of which.
pub(super) fn products(level: Level) -> (Level, Products) {
    let emulated = EMULATED.load(Ordering::Relaxed);
    let rounds = precision() == Precision::Bf16;
    let parts = if rounds { Parts::One } else { Parts::Two };
    if emulated == Emulated::Tiles as u8 {
        (Level::Portable, Products::Tiles(parts))
    } else if level == Level::Avx512 && has_amx() {
        (level, Products::Tiles(parts))
    } else if rounds && quick(level) {
        (level, Products::Pairs)
    } else if rounds && emulated == Emulated::Pairs as u8 {
        (Level::Portable, Products::Pairs)
    } else {
        (level, Products::Exact)
    }
}

impl Vectors {
    /// Runs a kernel with vectors whose products are of bf16.
    pub(crate) fn run_pairs<K: PairKernel>(self, kernel: K) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only `products` says so, and of this level only where the processor has the features.
            Level::Avx512 if self.1 != Products::Exact => unsafe { run_avx512(kernel) },
            // SAFETY: plain arrays need no feature.
            _ => unsafe { kernel.run::<Portable>() },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn run_avx512<K: PairKernel>(kernel: K) {
    // SAFETY: the caller has checked for these features.
    unsafe { kernel.run::<super::x86::Avx512>() }
}

/// What the CPU makes of the precision in use for the convolutions that are trained: f32 or bf16.
pub fn precision_on_cpu() -> Precision {
    match Vectors::in_use().products() {
        Products::Pairs | Products::Tiles(Parts::One) => Precision::Bf16,
        Products::Exact | Products::Tiles(Parts::Two) => Precision::F32,
    }
}

//! How exactly products are computed on CUDA.

use std::sync::atomic::{AtomicBool, Ordering};

static TF32: AtomicBool = AtomicBool::new(false);

/// The arithmetic of matrix products and convolutions on CUDA; other devices have f32 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32 throughout, until another is set.
    F32,
    /// Products of f32 with 10 bits of mantissa, summed in f32: many times as fast on tensor cores.
    Tf32,
}

/// Sets the precision, for the whole process.
pub fn set_precision(precision: Precision) {
    let tf32 = precision == Precision::Tf32;
    TF32.store(tf32, Ordering::Relaxed);
    #[cfg(feature = "cuda")]
    candle_core::cuda_backend::set_gemm_reduced_precision_f32(tf32);
}

/// The precision in use.
pub fn precision() -> Precision {
    if TF32.load(Ordering::Relaxed) { Precision::Tf32 } else { Precision::F32 }
}

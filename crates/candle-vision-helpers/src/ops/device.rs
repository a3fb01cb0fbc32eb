//! Settings of devices.

use std::sync::atomic::{AtomicBool, Ordering};

static TF32: AtomicBool = AtomicBool::new(false);

/// Lets matrix products and convolutions on CUDA take TF32 (f32 with 10 bits of mantissa into the products, sums in
/// f32), which tensor cores do many times as fast as f32. Off until it is turned on; no effect on other devices.
pub fn set_tf32(on: bool) {
    TF32.store(on, Ordering::Relaxed);
    #[cfg(feature = "cuda")]
    candle_core::cuda_backend::set_gemm_reduced_precision_f32(on);
}

/// Whether TF32 may be used.
pub fn tf32() -> bool {
    TF32.load(Ordering::Relaxed)
}

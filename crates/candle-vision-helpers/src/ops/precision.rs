//! How exactly products are computed.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// What the factors of matrix products and convolutions may be rounded to before they are multiplied; sums, and all
/// that is stored, stay f32.
///
/// It is a permission: each device takes the quickest arithmetic that it has within it. The CPU takes bf16 for the
/// convolutions that are trained, where the processor multiplies bf16 faster
/// ([`precision_on_cpu`](crate::ops::precision_on_cpu)), and f32 else; what only predicts is f32 there. CUDA takes
/// TF32, unless f32 is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Precision {
    /// Not at all. It holds until another is set.
    F32 = 0,
    /// 10 bits of mantissa.
    Tf32 = 1,
    /// 7 bits of mantissa.
    Bf16 = 2,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

/// A [`Precision`].
static IN_USE: AtomicU8 = AtomicU8::new(Precision::F32 as u8);

/// Sets the precision, for the whole process.
pub fn set_precision(precision: Precision) {
    IN_USE.store(precision as u8, Ordering::Relaxed);
    #[cfg(feature = "cuda")]
    candle_core::cuda_backend::set_gemm_reduced_precision_f32(precision != Precision::F32);
}

/// The precision in use.
pub fn precision() -> Precision {
    let in_use = IN_USE.load(Ordering::Relaxed);
    let all = [Precision::F32, Precision::Tf32, Precision::Bf16];
    all.into_iter().find(|p| *p as u8 == in_use).unwrap_or(Precision::F32)
}

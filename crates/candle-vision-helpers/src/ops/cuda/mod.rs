//! The operations on NVIDIA GPUs: kernels of our own, and cuDNN's convolutions where that is compiled in.
//!
//! f32 only; everything else, and what has no kernel here, is a composition of candle's operations (see each
//! operation).

#[cfg(feature = "cudnn")]
pub(crate) mod conv;
mod launch;
pub(crate) mod many;
mod node;
pub(crate) mod norm;
pub(crate) mod pool;

use candle_core::{DType, Tensor};

/// Whether the kernels take this tensor.
pub(crate) fn takes(x: &Tensor) -> bool {
    x.device().is_cuda() && x.dtype() == DType::F32
}

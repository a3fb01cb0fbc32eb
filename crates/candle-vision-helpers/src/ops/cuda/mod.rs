//! The operations on NVIDIA GPUs: their own kernels, and cuDNN's convolutions where that is compiled in.
//!
//! f32 only; everything else, and what has no kernel here, is a composition of candle's operations (see each
//! operation).

#[cfg(feature = "cudnn")]
pub(crate) mod conv;
#[cfg(feature = "cudnn")]
pub(crate) mod conv_transpose;
#[cfg(feature = "cudnn")]
mod cudnn;
pub(crate) mod device;
mod launch;
pub(crate) mod many;
#[cfg(feature = "nccl")]
pub(crate) mod nccl;
pub(crate) mod norm;
mod norm_back;
mod norm_counts;
pub(crate) mod pool;
mod storage;
pub(crate) mod upload;

use candle_core::{DType, Tensor};

/// Whether the kernels take this tensor.
pub(crate) fn takes(x: &Tensor) -> bool {
    x.device().is_cuda() && x.dtype() == DType::F32
}

//! CPU kernels over slices: they know nothing of tensors or graphs.
// Indices stand for rows and registers of a tile; iterators over them would hide which.
#![allow(clippy::missing_safety_doc, clippy::needless_range_loop)]

pub(crate) mod conv;
pub(crate) mod conv_back;
mod correlation;
pub(crate) mod depthwise;
mod depthwise_back;
mod direct;
pub(crate) mod doubled;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod memory;
pub(crate) mod norm;
pub(crate) mod norm_back;
pub(crate) mod pack;
pub(crate) mod parallel;
pub(crate) mod pool;
pub(crate) mod simd;
mod simd_portable;
#[cfg(target_arch = "x86_64")]
mod simd_x86;
pub(crate) mod softmax;
pub(crate) mod tile;
pub(crate) mod upsample;

//! CPU kernels over slices: they know nothing of tensors or graphs.
// Indices stand for rows and registers of a tile; iterators over them would hide which.
#![allow(clippy::missing_safety_doc, clippy::needless_range_loop)]

pub(crate) mod activation;
pub(crate) mod blocked;
pub(crate) mod conv;
mod correlation;
pub(crate) mod depthwise;
mod depthwise_back;
pub(crate) mod elementwise;
mod gemm;
pub(crate) mod norm;
pub(crate) mod norm_back;
pub(crate) mod norm_gate;
mod norm_synced;
pub(crate) mod parallel;
pub(crate) mod peak;
mod plan;
pub(crate) mod pool;
mod pool_windows;
mod scratch;
pub(crate) mod simd;
pub(crate) mod softmax;
pub(crate) mod team;
pub(crate) mod tiles;
pub(crate) mod uncleared;
pub(crate) mod upsample;
pub(crate) mod upsampled_weights;

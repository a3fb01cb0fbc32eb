//! Trainable operations that candle lacks, has wrong, or does slowly on a CPU, each with a forward and a backward pass.
//!
//! Tensors are NCHW; on the CPU f32 only, contiguous or not (others are copied first). On CUDA the costly operations
//! have kernels here for f32, the convolution through cuDNN (feature `cudnn`); elsewhere each operation is a
//! composition of candle's operations with right gradients. The results on the CPU are the same bit for bit for any
//! number of threads: rayon's current pool is what they run on.
//!
//! All are differentiable with `Tensor::backward`; with a [`Tape`] the same graph costs less time and memory, and
//! inside [`no_grad`] nothing is kept at all.
//!
//! NaN is never swallowed, not even by ReLUs and maxima, as in PyTorch: a diverged network shows. Sizes that overflow,
//! or that no memory holds, are errors: `<operation>: <argument>: expected …, got …`.
//!
//! How it is built, from the ground up: `shapes` checks sizes; `cpu` and `cuda` hold kernels; `graph` makes an
//! operation with kernels a node of candle's graph or of a tape; `layers` and `steps` are the operations by name;
//! `frozen` runs networks that only predict.

mod counting;
mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod epilogue;
mod frozen;
mod graph;
mod heap;
mod layers;
mod optim;
mod precision;
mod reduce;
mod shapes;
mod steps;
#[cfg(any(test, feature = "cuda"))]
mod synced;

pub use counting::count_products;
#[doc(hidden)] // for tests and comparisons
pub use cpu::{
    peak::peak_flops,
    simd::{
        Level, force_level, level,
        products::{Emulated, emulate, precision_on_cpu},
    },
};
#[cfg(feature = "nccl")]
pub use cuda::nccl::Nccl;
pub use device::{new_cuda, upload};
pub use epilogue::{Activation, Epilogue};
pub use frozen::Frozen;
pub use graph::tape::{Tape, no_grad};
pub use heap::keep_freed_memory;
pub use layers::activation::{relu, relu6};
pub use layers::conv::conv2d;
pub use layers::conv_transpose::{conv_transpose2d, upsample_nearest2_conv3};
pub use layers::depthwise::depthwise_conv3;
pub use layers::linear::linear;
pub use layers::loss::mse_loss;
pub use layers::norm::{
    BatchNorm, BatchNormOut, Running, Statistics, batch_norm_eval, batch_norm_train, batch_norm_train_running,
    fold_batch_norm,
};
pub use layers::pool::{avg_pool_global, max_pool2d};
pub use layers::softmax::log_softmax_maps;
pub use layers::sum::sum_all;
pub use layers::upsample::{upsample_nearest2, upsample_nearest2_add};
pub use optim::{AdamWItem, AdamWStep, SgdStep};
pub use precision::{Precision, precision, set_precision};
pub use reduce::{Reduce, reduced, total};
pub use shapes::ConvParams;
pub use steps::{adamw_step, adamw_steps, ema_step, ema_steps, global_norm, scale_all, sgd_step};

//! Trainable operations that candle lacks, has wrong, or does slowly on a CPU: each with its own forward and backward
//! pass.
//!
//! Tensors are NCHW; on the CPU f32 only, contiguous or not (others are copied first). On CUDA the costly operations
//! have kernels of their own for f32, the convolution through cuDNN (feature `cudnn`); elsewhere each operation is a
//! composition of candle's operations with right gradients. The results on the CPU are the same bit for bit for any
//! number of threads: rayon's current pool is what they run on.
//!
//! All are differentiable with `Tensor::backward`; with a [`Tape`] the same graph costs less time and memory, and
//! inside [`no_grad`] nothing is kept at all.
//!
//! NaN is never swallowed, by ReLUs and maxima neither, as in PyTorch: a diverged network shows. Sizes that overflow,
//! or that no memory holds, are errors.

#[cfg(test)]
mod composed_tests;
mod conv;
mod conv_transpose;
mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod depthwise;
mod device;
mod linear;
mod loss;
mod many;
mod memory;
mod node;
mod norm;
mod optim;
mod pool;
mod relu;
mod sizes;
mod softmax;
mod tape;
#[cfg(test)]
mod testing;
mod upsample;

pub use conv::{ConvParams, conv2d};
pub use conv_transpose::{conv_transpose2d, upsample_nearest2_conv3};
pub use cpu::simd::{Level, force_level, level};
pub use depthwise::{Activation, depthwise_conv3, relu6};
pub use device::{set_tf32, tf32};
pub use linear::linear;
pub use loss::mse_loss;
pub use many::{AdamWItem, adamw_steps, ema_steps, global_norm, scale_all};
pub use memory::keep_freed_memory;
pub use norm::{BatchNormOut, batch_norm_eval, batch_norm_train, fold_batch_norm};
pub use optim::{AdamWStep, adamw_step, ema_step, sgd_step};
pub use pool::{avg_pool_global, max_pool2d};
pub use relu::relu;
pub use softmax::log_softmax_maps;
pub use tape::{Tape, no_grad};
pub use upsample::{upsample_bilinear2, upsample_nearest2};

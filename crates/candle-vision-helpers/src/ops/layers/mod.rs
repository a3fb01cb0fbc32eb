//! The operations by name: each checks its arguments, then runs its kernels on the device at hand or, where there are
//! none, a composition of candle's operations.

pub(crate) mod activation;
#[cfg(test)]
mod composed_tests;
pub(crate) mod conv;
pub(crate) mod conv_transpose;
pub(crate) mod depthwise;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod softmax;
pub(crate) mod sum;
#[cfg(test)]
mod testing;
pub(crate) mod upsample;

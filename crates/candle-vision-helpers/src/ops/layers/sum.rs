//! The sum of a whole tensor.

use candle_core::{D, Result, Tensor};

/// The sum of all elements, a scalar.
///
/// On CUDA the maps of `(.., H, W)` are summed up first: candle has a block of threads for each number of a result, and
/// a batch of maps would be left to a single one.
///
/// # Errors
/// A type that has no sum.
pub fn sum_all(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cuda() && x.rank() > 2 {
        return x.sum((D::Minus2, D::Minus1))?.sum_all();
    }
    x.sum_all()
}

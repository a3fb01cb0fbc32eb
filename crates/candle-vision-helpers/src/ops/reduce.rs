//! Sums over ranks: processes, or threads, that each compute a part of one batch.

use candle_core::{DType, Result, Tensor};
use std::cell::RefCell;
use std::sync::Arc;

/// Adds up numbers over all ranks.
pub trait Reduce: Send + Sync {
    /// Replaces each value by its sum over all ranks, the same number on each of them, bit for bit. All ranks call it,
    /// with as many values.
    ///
    /// # Errors
    /// A rank is gone.
    fn sum(&self, values: &mut [f64]) -> Result<()>;

    /// The sum of a contiguous tensor over all ranks, without gradient, where they have a way that does not lead
    /// through the host's memory; `None` where not. All ranks have one, or none has.
    ///
    /// # Errors
    /// A tensor operation failed.
    fn sum_on_device(&self, _own: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<dyn Reduce>>> = const { RefCell::new(None) };
}

/// Runs `f`, in which this thread's batches are the parts of one that all ranks have together: what an operation takes
/// over the batch ([`batch_norm_train`](super::batch_norm_train), forwards and, later, backwards; [`total`]) it takes
/// over all ranks. With `None` a batch is a batch.
pub fn reduced<T>(by: Option<Arc<dyn Reduce>>, f: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<dyn Reduce>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _restore = Restore(CURRENT.replace(by));
    f()
}

pub(crate) fn current() -> Option<Arc<dyn Reduce>> {
    CURRENT.with_borrow(Clone::clone)
}

/// The sum of a scalar over all ranks, without gradient; the scalar itself outside of [`reduced`].
///
/// # Errors
/// A rank is gone.
pub fn total(scalar: &Tensor) -> Result<Tensor> {
    match current() {
        Some(by) => sum(by.as_ref(), &scalar.to_dtype(DType::F64)?)?.to_dtype(scalar.dtype()),
        None => Ok(scalar.clone()),
    }
}

/// The sum of a contiguous tensor of f64 over all ranks, on its device, without gradient.
pub(crate) fn sum(by: &dyn Reduce, own: &Tensor) -> Result<Tensor> {
    if let Some(sum) = by.sum_on_device(own)? {
        return Ok(sum);
    }
    let mut values = own.flatten_all()?.to_vec1::<f64>()?;
    by.sum(&mut values)?;
    Tensor::from_vec(values, own.shape(), own.device())
}

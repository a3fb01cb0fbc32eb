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
/// A tensor that is no scalar; a rank is gone.
pub fn total(scalar: &Tensor) -> Result<Tensor> {
    let Some(by) = current() else { return Ok(scalar.clone()) };
    let mut value = [scalar.to_dtype(DType::F64)?.to_scalar::<f64>()?];
    by.sum(&mut value)?;
    Tensor::new(value[0], scalar.device())?.to_dtype(scalar.dtype())
}

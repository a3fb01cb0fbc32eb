//! Tensors on their way to a GPU, through page-locked memory from which it copies by itself.
//!
//! A copy of more than some kilobytes from other memory waits for all work in front of it, and the host with it: no
//! step could be queued before the last one has ended.

use super::launch::empty;
use super::storage::Cuda;
use crate::ops::graph::storage::Backend;
use candle_core::cuda_backend::cudarc::driver::sys::CUevent_flags::CU_EVENT_BLOCKING_SYNC;
use candle_core::cuda_backend::cudarc::driver::{CudaEvent, CudaSlice, CudaStream, PinnedHostSlice};
use candle_core::cuda_backend::{DeviceId, WrapErr};
use candle_core::{CudaDevice, Result, Shape, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

thread_local! {
    static STAGING: RefCell<HashMap<DeviceId, Staging>> = RefCell::default();
}

/// A tensor of these values, apart from every graph. The host goes on as soon as the values are in page-locked memory,
/// of which each thread has as much as its largest tensor took: before that it waits until the last copy is done.
pub(crate) fn upload(values: &[f32], shape: &Shape, dev: &CudaDevice) -> Result<Tensor> {
    let kept = STAGING.with_borrow_mut(|all| all.remove(&dev.id()));
    let mut staging = match kept.filter(|s| s.memory.len() >= values.len()) {
        Some(staging) => staging,
        None => Staging::new(dev, values.len())?,
    };
    let floats = staging.copy(values, dev)?;
    STAGING.with_borrow_mut(|all| all.insert(dev.id(), staging));
    Ok(Cuda::tensor(floats, shape, dev))
}

struct Staging {
    memory: PinnedHostSlice<f32>,
    /// Behind the last copy. cudarc's own event is not recorded where events are off.
    copied: CudaEvent,
    stream: Arc<CudaStream>,
}

impl Staging {
    fn new(dev: &CudaDevice, len: usize) -> Result<Self> {
        let stream = dev.cuda_stream();
        let context = stream.context();
        // SAFETY: nothing is read before it was written.
        let memory = unsafe { context.alloc_pinned::<f32>(len).w()? };
        // the threads that make batches need the cores
        let copied = context.new_event(Some(CU_EVENT_BLOCKING_SYNC)).w()?;
        Ok(Self { memory, copied, stream })
    }

    /// A copy on the device of values that are no more than the memory takes.
    fn copy(&mut self, values: &[f32], dev: &CudaDevice) -> Result<CudaSlice<f32>> {
        // sync point: the GPU has what was sent last, and computes with it from now on
        self.copied.synchronize().w()?;
        let to = self.memory.as_mut_ptr().w()?;
        // SAFETY: the memory is that long, and no copy from it is under way.
        let staged = unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len());
            std::slice::from_raw_parts(to, values.len())
        };
        let mut floats = empty::<f32>(dev, values.len())?;
        self.stream.memcpy_htod(staged, &mut floats).w()?;
        self.copied.record(&self.stream).w()?;
        Ok(floats)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // a copy may be under way; where the GPU has failed, there is none
        let _ = self.stream.synchronize();
    }
}

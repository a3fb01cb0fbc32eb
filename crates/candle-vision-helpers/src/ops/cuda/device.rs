//! What is set on a GPU as soon as it is open.
//!
//! **One stream.** `Device::new_cuda` computes on CUDA's per-thread stream: one handle, but another stream for each
//! thread of the host, which nothing orders. A tensor that one thread made and another reads, or frees, would race: a
//! page that is served and faces that are found by rayon's threads do so. A device with a stream of its own
//! (`new_with_stream`) has one, to which all threads submit: it allocates, computes and frees in the order in which
//! they did. Only two devices are still two streams, even of one GPU: tensors go from one to the other by way of the
//! CPU, never by `to_device` alone.

use candle_core::CudaDevice;
use candle_core::backend::BackendDevice;
use candle_core::cuda_backend::cudarc::driver::{DriverError, result, sys::CUmemPool_attribute};

/// Sets up a device that was opened with a stream of its own, of which nothing is in use yet.
pub(crate) fn set_up(device: &CudaDevice) {
    // SAFETY: cudarc's events, two for each tensor, order the work of several streams among each other; this device has
    // one, and no other device's stream reads its memory.
    unsafe { device.disable_event_tracking() };
    if let Err(e) = keep_freed_memory(device) {
        let place = device.location();
        tracing::warn!("{place:?}: freed memory goes back to the system at every wait, which makes steps slow: {e}");
    }
}

/// Makes the GPU's pool of memory keep what is freed, as [`keep_freed_memory`](crate::ops::keep_freed_memory) does on
/// the CPU. By default it returns everything whenever the host waits for the GPU, as for every loss that is read, and
/// the next step maps gigabytes anew.
fn keep_freed_memory(device: &CudaDevice) -> Result<(), DriverError> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut all = u64::MAX;
    // SAFETY: the device is an open one and its pool lives as long; the attribute is a number of 64 bits.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device())?;
        let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, threshold, (&raw mut all).cast())
    }
}

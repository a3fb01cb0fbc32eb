//! Opens GPUs.

use candle_core::{Device, Result};

/// The NVIDIA GPU of that number, from 0 on, for use by any thread: unlike `Device::new_cuda`'s, all its work goes
/// through one stream, and freed memory is kept for what asks next instead of going back to the system. Tensors get to
/// another GPU, or to the same one opened again, by way of the CPU only.
///
/// # Errors
/// There is no such GPU, or this was not built for CUDA.
pub fn new_cuda(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    #[cfg(feature = "cuda")]
    crate::ops::cuda::device::set_up(device.as_cuda_device()?);
    Ok(device)
}

//! GPUs, and the way to them.

#[cfg(feature = "cuda")]
use crate::ops::graph::storage::{Backend, Cpu, wants_grad};
use candle_core::{Device, Result, Tensor};

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

/// Elements from which on a copy to a GPU would wait for it.
#[cfg(feature = "cuda")]
const LARGE: usize = 1 << 13;

/// The tensor on a device, as by `Tensor::to_device`. A large one of f32 that comes from the CPU gets to CUDA while the
/// host goes on, which waits for no more than the last of them: to be used for one tensor in each step.
///
/// # Errors
/// As `Tensor::to_device`.
pub fn upload(t: &Tensor, to: &Device) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(gpu) = to
        && t.device().is_cpu()
        && t.dtype() == candle_core::DType::F32
        && t.elem_count() > LARGE
        && !wants_grad(t)
    {
        let t = t.contiguous()?;
        return Cpu::read(&[&t], |(), a| crate::ops::cuda::upload::upload(a[0].data, t.shape(), gpu));
    }
    t.to_device(to)
}

//! The memory of tensors on a CUDA device.

use crate::ops::graph::storage::{Backend, Memory};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, CudaStorage, Result, Storage, bail};

/// A CUDA device, whose kernels are in kernels.cu.
pub(crate) struct Cuda;

impl Backend for Cuda {
    type Device = CudaDevice;
    type View<'a> = CudaView<'a, f32>;
    type Floats = CudaSlice<f32>;

    fn open<'a>(memory: Memory<'a>, (from, to): (usize, usize)) -> Result<(&'a CudaDevice, CudaView<'a, f32>)> {
        match memory {
            Memory::Cuda(s) => Ok((&s.device, s.as_cuda_slice::<f32>()?.slice(from..to))),
            Memory::Cpu(_) => bail!("expected a tensor on a CUDA device, got one on the CPU"),
        }
    }

    fn close(floats: CudaSlice<f32>, device: &CudaDevice) -> Storage {
        Storage::Cuda(CudaStorage::wrap_cuda_slice(floats, device.clone()))
    }
}

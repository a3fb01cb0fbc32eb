//! Sums of tensors over the GPUs of several processes, by NCCL. **Not yet run on GPUs**: its types are checked, and it
//! was read against cudarc's sources.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, ValidAsZeroBits};
use candle_core::cuda_backend::cudarc::nccl::{Comm, Id, NcclType, ReduceOp, result::NcclError};
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::{CpuStorage, CudaDevice, CudaStorage, CustomOp1, DType, Error, Layout, Result, Shape, Tensor, bail};
use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};

/// One of several processes, each with a GPU of its own, whose GPUs add up tensors among themselves. All of them call
/// the same function in the same order.
pub struct Nccl(Mutex<Held>);

/// NCCL's own part, which ends all sums at once when it is dropped.
struct Held(ManuallyDrop<Comm>);

// SAFETY: NCCL takes calls of any thread, one at a time, which the mutex around it sees to.
unsafe impl Send for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // What is under way, other processes wait for. Where the GPU has failed, cudarc would panic.
        if self.0.stream().synchronize().is_ok() {
            // SAFETY: here alone, and once.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

impl Nccl {
    /// What the processes find each other by: one of them makes it and tells the others.
    ///
    /// # Errors
    /// NCCL finds no network to be reached by.
    pub fn name() -> Result<Vec<u8>> {
        let id = Id::new().map_err(|e| wrong("expected a network for its ranks", &e))?;
        Ok(id.internal().iter().map(|&c| c.to_ne_bytes()[0]).collect())
    }

    /// Meets the other processes of that name as the one of number `rank`, from 0 on, of `count`.
    ///
    /// # Errors
    /// No name, two processes on one GPU, GPUs that do not reach each other.
    pub fn join(name: &[u8], rank: usize, count: usize, gpu: &CudaDevice) -> Result<Self> {
        let mut id: [c_char; 128] = [0; 128];
        if name.len() != id.len() {
            bail!("NCCL: expected a name of {} bytes, got {}", id.len(), name.len());
        }
        id.iter_mut().zip(name).for_each(|(c, &byte)| *c = c_char::from_ne_bytes([byte]));
        let stream = gpu.cuda_stream();
        stream.context().bind_to_thread().w()?;
        let met = Comm::from_rank(stream, rank, count, Id::uninit(id));
        let comm = met.map_err(|e| wrong(&format!("expected {count} GPUs that reach each other, one a rank"), &e))?;
        Ok(Self(Mutex::new(Held(ManuallyDrop::new(comm)))))
    }

    /// The sum of a contiguous tensor of f32 or f64 on this process's GPU over all processes, without gradient. The
    /// order of the sum is NCCL's. Nothing waits for the result but what reads it.
    ///
    /// # Errors
    /// Another tensor; another process is gone.
    pub fn sum(&self, own: &Tensor) -> Result<Tensor> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.apply_op1_no_bwd(&AllReduce(&held.0))
    }
}

fn wrong(expected: &str, e: &NcclError) -> Error {
    Error::Msg(format!("NCCL: {expected}, got {:?} (NCCL_DEBUG=WARN says more)", e.0))
}

struct AllReduce<'a>(&'a Comm);

impl AllReduce<'_> {
    fn run<T>(&self, own: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)>
    where
        T: CudaDType + NcclType + DeviceRepr + ValidAsZeroBits,
    {
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("NCCL: expected a contiguous tensor, got strides {:?}", layout.stride())
        };
        let mut sum = own.device.alloc_zeros::<T>(to - from)?;
        let part = own.as_cuda_slice::<T>()?.slice(from..to);
        let summed = self.0.all_reduce(&part, &mut sum, &ReduceOp::Sum);
        summed.map_err(|e| wrong("expected a sum over all ranks", &e))?;
        Ok((CudaStorage::wrap_cuda_slice(sum, own.device.clone()), layout.shape().clone()))
    }
}

impl CustomOp1 for AllReduce<'_> {
    fn name(&self) -> &'static str {
        "all_reduce"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("NCCL: expected a tensor on a GPU, got one on the CPU")
    }

    fn cuda_fwd(&self, own: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        match own.dtype() {
            DType::F32 => self.run::<f32>(own, layout),
            DType::F64 => self.run::<f64>(own, layout),
            got => bail!("NCCL: expected f32 or f64, got {got:?}"),
        }
    }
}

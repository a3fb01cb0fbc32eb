//! What an operation with CUDA kernels is.

use crate::ops::node::{self, Operation};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, Storage, Tensor, bail, op::BackpropOp};

/// An argument: contiguous floats on the device and their dimensions.
pub(crate) struct Arg<'a> {
    pub data: CudaView<'a, f32>,
    pub dims: &'a [usize],
}

/// An operation of one to three tensors, differentiable, for f32 on a CUDA device.
pub(crate) trait CudaFunction: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// The result's values, contiguous, and its shape.
    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_>]) -> Result<(CudaSlice<f32>, Shape)>;
    /// The gradient of each argument that wants one. All tensors are contiguous.
    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// Applies an operation to f32 tensors on one CUDA device.
pub(crate) fn apply<F: CudaFunction>(f: F, args: &[&Tensor]) -> Result<Tensor> {
    node::enter(OnCuda(f), args)
}

/// Reads contiguous f32 tensors on one CUDA device in place.
pub(crate) fn with_args<T>(tensors: &[&Tensor], then: impl FnOnce(&CudaDevice, &[Arg<'_>]) -> Result<T>) -> Result<T> {
    let guards: Vec<_> = tensors.iter().map(|t| t.storage_and_layout()).collect();
    let mut args = Vec::with_capacity(guards.len());
    let mut device = None;
    for (storage, layout) in &guards {
        let Storage::Cuda(s) = &**storage else { bail!("a tensor on a CUDA device was expected") };
        device.get_or_insert_with(|| s.device.clone());
        args.push(arg(s, layout)?);
    }
    match device {
        Some(device) => then(&device, &args),
        None => bail!("one tensor at least was expected"),
    }
}

/// A CUDA tensor of the given values.
pub(crate) fn tensor(values: CudaSlice<f32>, shape: impl Into<Shape>, dev: &CudaDevice) -> Tensor {
    let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(values, dev.clone()));
    Tensor::from_storage(storage, shape, BackpropOp::none(), false)
}

fn arg<'a>(storage: &'a CudaStorage, layout: &'a Layout) -> Result<Arg<'a>> {
    let data = storage.as_cuda_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(Arg { data: data.slice(from..to), dims: layout.dims() }),
        None => bail!("a contiguous tensor was expected"),
    }
}

struct OnCuda<F>(F);

impl<F: CudaFunction> Operation for OnCuda<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn on_cuda(&self, args: &[(&CudaStorage, &Layout)]) -> Result<(CudaStorage, Shape)> {
        let [(first, _), ..] = args else { bail!("{}: no argument", self.0.name()) };
        let args: Vec<Arg<'_>> = args.iter().map(|(s, l)| arg(s, l)).collect::<Result<_>>()?;
        let (values, shape) = self.0.forward(&first.device, &args)?;
        Ok((CudaStorage::wrap_cuda_slice(values, first.device.clone()), shape))
    }
    fn back(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        self.0.backward(args, out, grad)
    }
}

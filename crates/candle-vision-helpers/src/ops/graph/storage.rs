//! The memory of tensors as kernels see it: contiguous floats, read in place, on whichever device.

use candle_core::{CpuStorage, CudaStorage, Layout, Result, Shape, Storage, Tensor, bail, op::BackpropOp};

/// A device's memory and what its kernels are handed.
pub(crate) trait Backend: Send + Sync + Sized + 'static {
    /// What allocates memory and launches kernels.
    type Device;
    /// Floats of a tensor.
    type View<'a>;
    /// Floats that a kernel has written.
    type Floats;

    /// The device of a tensor's memory, and the part of it from one element to another.
    ///
    /// # Errors
    /// Memory of another device, or of another type than f32.
    fn open<'a>(memory: Memory<'a>, range: (usize, usize)) -> Result<(&'a Self::Device, Self::View<'a>)>;

    /// The memory of a new tensor.
    fn close(floats: Self::Floats, device: &Self::Device) -> Storage;

    /// A tensor of the given values, apart from every graph.
    fn tensor(floats: Self::Floats, shape: impl Into<Shape>, device: &Self::Device) -> Tensor {
        Tensor::from_storage(Self::close(floats, device), shape, BackpropOp::none(), false)
    }

    /// Reads contiguous f32 tensors on one device in place.
    ///
    /// # Errors
    /// Tensors of another kind, none at all, or what `then` reports.
    fn read<T>(tensors: &[&Tensor], then: impl FnOnce(&Self::Device, &[Arg<'_, Self>]) -> Result<T>) -> Result<T> {
        let guards: Vec<_> = tensors.iter().map(|t| t.storage_and_layout()).collect();
        let memory = guards.iter().map(|(s, l)| Ok((Memory::of(s)?, *l))).collect::<Result<Vec<_>>>()?;
        let (device, args) = args(&memory)?;
        then(device, &args)
    }
}

/// An argument of a kernel: contiguous floats and their dimensions.
pub(crate) struct Arg<'a, B: Backend> {
    pub data: B::View<'a>,
    pub dims: &'a [usize],
}

/// A tensor's memory on some device that there are kernels for.
#[derive(Clone, Copy)]
pub(crate) enum Memory<'a> {
    Cpu(&'a CpuStorage),
    // candle calls with it only where it was built for CUDA
    Cuda(#[cfg_attr(not(feature = "cuda"), expect(dead_code))] &'a CudaStorage),
}

impl<'a> Memory<'a> {
    pub(crate) fn of(storage: &'a Storage) -> Result<Self> {
        match storage {
            Storage::Cpu(s) => Ok(Self::Cpu(s)),
            Storage::Cuda(s) => Ok(Self::Cuda(s)),
            Storage::Metal(_) => bail!("expected a tensor on a device with kernels, got one on Metal"),
        }
    }
}

/// What kernels are handed for these tensors, and the device of the first.
pub(crate) fn args<'a, B: Backend>(memory: &[(Memory<'a>, &'a Layout)]) -> Result<(&'a B::Device, Vec<Arg<'a, B>>)> {
    let mut device = None;
    let mut args = Vec::with_capacity(memory.len());
    for &(memory, layout) in memory {
        let Some(range) = layout.contiguous_offsets() else {
            bail!("expected a contiguous tensor, got strides {:?}", layout.stride())
        };
        let (its, data) = B::open(memory, range)?;
        device.get_or_insert(its);
        args.push(Arg { data, dims: layout.dims() });
    }
    match device {
        Some(device) => Ok((device, args)),
        None => bail!("expected one tensor at least, got none"),
    }
}

/// The processor, whose kernels are in [`cpu`](crate::ops::cpu).
pub(crate) struct Cpu;

impl Backend for Cpu {
    type Device = ();
    type View<'a> = &'a [f32];
    type Floats = Vec<f32>;

    fn open(memory: Memory<'_>, (from, to): (usize, usize)) -> Result<(&(), &[f32])> {
        match memory {
            Memory::Cpu(CpuStorage::F32(data)) => Ok((&(), &data[from..to])),
            Memory::Cpu(s) => bail!("expected f32, got {:?}", candle_core::backend::BackendStorage::dtype(s)),
            Memory::Cuda(_) => bail!("expected a tensor on the CPU, got one on CUDA"),
        }
    }

    fn close(floats: Vec<f32>, (): &()) -> Storage {
        Storage::Cpu(CpuStorage::F32(floats))
    }
}

/// A CPU tensor of the given values, apart from every graph.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Tensor {
    Cpu::tensor(values, shape, &())
}

/// Whether a gradient for this tensor would be used: it is a variable, or computed from something tracked.
pub(crate) fn wants_grad(t: &Tensor) -> bool {
    t.track_op()
}

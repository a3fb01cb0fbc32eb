//! What an operation with a CPU kernel is, and how any operation enters a graph: candle's own, or a
//! [`Tape`](super::Tape).

use super::tape;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor, bail,
    op::BackpropOp,
};

/// An argument of a forward pass: contiguous floats and their dimensions.
pub(crate) struct Arg<'a> {
    pub data: &'a [f32],
    pub dims: &'a [usize],
}

/// An operation of one to three tensors, differentiable, for f32 on the CPU.
pub(crate) trait Function: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// The result's values, contiguous, and its shape.
    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)>;
    /// The gradient of each argument that wants one (see [`wants_grad`]). All tensors are contiguous.
    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// Applies an operation to CPU tensors.
pub(crate) fn apply<F: Function>(f: F, args: &[&Tensor]) -> Result<Tensor> {
    for t in args {
        if t.dtype() != DType::F32 {
            bail!("{}: f32 tensors only on the CPU, got {:?}", f.name(), t.dtype());
        }
    }
    enter(OnCpu(f), args)
}

/// Reads contiguous f32 CPU tensors in place.
pub(crate) fn with_args<T>(tensors: &[&Tensor], then: impl FnOnce(&[Arg<'_>]) -> Result<T>) -> Result<T> {
    let guards: Vec<_> = tensors.iter().map(|t| t.storage_and_layout()).collect();
    let mut args = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        match &**storage {
            Storage::Cpu(s) => args.push(arg(s, layout)?),
            _ => bail!("a tensor on the CPU was expected"),
        }
    }
    then(&args)
}

/// A CPU tensor of the given values.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(Storage::Cpu(CpuStorage::F32(values)), shape, BackpropOp::none(), false)
}

fn arg<'a>(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Arg<'a>> {
    let CpuStorage::F32(data) = storage else { bail!("f32 was expected") };
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(Arg { data: &data[from..to], dims: layout.dims() }),
        None => bail!("a contiguous tensor was expected"),
    }
}

struct OnCpu<F>(F);

impl<F: Function> Operation for OnCpu<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn on_cpu(&self, args: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        let args: Vec<Arg<'_>> = args.iter().map(|(s, l)| arg(s, l)).collect::<Result<_>>()?;
        let (values, shape) = self.0.forward(&args)?;
        Ok((CpuStorage::F32(values), shape))
    }
    fn back(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        self.0.backward(args, out, grad)
    }
}

/// An operation on whichever device it has kernels for.
pub(crate) trait Operation: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn on_cpu(&self, _: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        bail!("{}: this form is not for the CPU", self.name())
    }
    fn on_cuda(&self, _: &[(&CudaStorage, &Layout)]) -> Result<(CudaStorage, Shape)> {
        bail!("{}: this form is not for CUDA", self.name())
    }
    /// The gradient of each argument that wants one. All tensors are contiguous.
    fn back(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// Whether a gradient for this tensor would be used: it is a variable, or computed from something tracked.
pub(crate) fn wants_grad(t: &Tensor) -> bool {
    t.track_op()
}

/// Runs an operation as a node of the graph that is being built.
pub(crate) fn enter<F: Operation>(f: F, args: &[&Tensor]) -> Result<Tensor> {
    let args: Vec<Tensor> = args.iter().map(|t| t.contiguous()).collect::<Result<_>>()?;
    let tracked = args.iter().any(wants_grad) && !tape::is_off();
    if !tracked || tape::is_recording() {
        let (storage, shape) = forward(&f, &args)?;
        let out = Tensor::from_storage(storage, shape, BackpropOp::none(), tracked);
        if tracked {
            tape::record(Box::new(move |args, out, grad| f.back(args, out, grad)), args, out.clone());
        }
        return Ok(out);
    }
    match args.as_slice() {
        [a] => a.apply_op1(InCandle(f)),
        [a, b] => a.apply_op2(b, InCandle(f)),
        [a, b, c] => a.apply_op3(b, c, InCandle(f)),
        _ => bail!("{}: {} arguments, one to three are possible", f.name(), args.len()),
    }
}

fn forward<F: Operation>(f: &F, args: &[Tensor]) -> Result<(Storage, Shape)> {
    let guards: Vec<_> = args.iter().map(|t| t.storage_and_layout()).collect();
    let (mut cpu, mut cuda) = (Vec::new(), Vec::new());
    for (storage, layout) in &guards {
        match &**storage {
            Storage::Cpu(s) => cpu.push((s, *layout)),
            Storage::Cuda(s) => cuda.push((s, *layout)),
            Storage::Metal(_) => bail!("{}: no kernel for Metal", f.name()),
        }
    }
    match (cpu.len(), cuda.len()) {
        (_, 0) => f.on_cpu(&cpu).map(|(s, shape)| (Storage::Cpu(s), shape)),
        (0, _) => f.on_cuda(&cuda).map(|(s, shape)| (Storage::Cuda(s), shape)),
        _ => bail!("{}: its tensors are on different devices", f.name()),
    }
}

/// The operation as candle sees it.
struct InCandle<F>(F);

impl<F: Operation> InCandle<F> {
    fn back<const N: usize>(&self, args: [&Tensor; N], out: &Tensor, grad: &Tensor) -> Result<[Option<Tensor>; N]> {
        let grads = self.0.back(&args, out, &grad.contiguous()?)?;
        let mut grads = grads.into_iter();
        Ok(std::array::from_fn(|_| grads.next().flatten()))
    }
}

impl<F: Operation> CustomOp1 for InCandle<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.on_cpu(&[(s, l)])
    }
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
        self.0.on_cuda(&[(s, l)])
    }
    fn bwd(&self, a: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let [g] = self.back([a], out, grad)?;
        Ok(g)
    }
}

impl<F: Operation> CustomOp2 for InCandle<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.on_cpu(&[(s1, l1), (s2, l2)])
    }
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        self.0.on_cuda(&[(s1, l1), (s2, l2)])
    }
    fn bwd(&self, a: &Tensor, b: &Tensor, out: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [g1, g2] = self.back([a, b], out, grad)?;
        Ok((g1, g2))
    }
}

impl<F: Operation> CustomOp3 for InCandle<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.on_cpu(&[(s1, l1), (s2, l2), (s3, l3)])
    }
    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
        s3: &CudaStorage,
        l3: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.0.on_cuda(&[(s1, l1), (s2, l2), (s3, l3)])
    }
    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [g1, g2, g3] = self.back([a, b, c], out, grad)?;
        Ok((g1, g2, g3))
    }
}

//! What an operation is, and how it becomes a node of the graph that is being built: candle's own, or a
//! [`Tape`](super::tape::Tape)'s.

use super::saved::{Saved, Saves};
use super::storage::{Arg, Backend, Memory, args as opened, wants_grad};
use super::tape;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor, bail,
    op::BackpropOp,
};
use std::marker::PhantomData;

/// A differentiable operation for f32 with kernels on one kind of device.
pub(crate) trait Op<B: Backend>: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// The result's values, contiguous, and its shape.
    fn forward(&self, device: &B::Device, args: &[Arg<'_, B>]) -> Result<(B::Floats, Shape)>;
    /// The values that [`backward`](Op::backward) reads, for arguments that want a gradient or not (see
    /// [`wants_grad`]): all others may be freed before it runs.
    fn saves(&self, wants: &[bool]) -> Saves;
    /// The gradient of each argument that wants one. All tensors are contiguous.
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>>;
    /// As [`backward`](Op::backward). `so_far` are the gradients that arguments have from elsewhere; one that the
    /// operation takes is part of the gradient that it gives.
    fn backward_onto(&self, saved: Saved, grad: Tensor, _so_far: &mut [Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        self.backward(saved, grad)
    }
}

/// Applies an operation to tensors on one device, as a node of the graph that is being built. candle's own graph takes
/// three tensors at most, a tape's any number.
pub(crate) fn apply<B: Backend, F: Op<B>>(f: F, args: &[&Tensor]) -> Result<Tensor> {
    let name = f.name();
    let Some(first) = args.first() else { bail!("{name}: expected one tensor at least, got none") };
    for t in args {
        if t.dtype() != DType::F32 {
            bail!("{name}: expected f32 tensors, got {:?}", t.dtype());
        }
        if !t.device().same_device(first.device()) {
            let (expected, got) = (first.device().location(), t.device().location());
            bail!("{name}: expected tensors on one device, got {expected:?} and {got:?}");
        }
    }
    let args: Vec<Tensor> = args.iter().map(|t| t.contiguous()).collect::<Result<_>>()?;
    let refs: Vec<&Tensor> = args.iter().collect();
    if takes_any_number(&refs) {
        let tracked = is_tracked(&refs);
        let (storage, shape) = {
            let guards: Vec<_> = args.iter().map(|t| t.storage_and_layout()).collect();
            let memory = guards.iter().map(|(s, l)| Ok((Memory::of(s)?, *l))).collect::<Result<Vec<_>>>()?;
            forward(&f, &memory)?
        };
        let out = Tensor::from_storage(storage, shape, BackpropOp::none(), tracked);
        if tracked {
            let saved = Saved::of(&refs, &out, |wants| f.saves(wants));
            let backward =
                move |saved: Saved, grad: Tensor, so_far: &mut [Option<Tensor>]| f.backward_onto(saved, grad, so_far);
            tape::record(Box::new(backward), saved, &refs, &out);
        }
        return Ok(out);
    }
    let f = InCandle(f, PhantomData);
    match args.as_slice() {
        [a] => a.apply_op1(f),
        [a, b] => a.apply_op2(b, f),
        [a, b, c] => a.apply_op3(b, c, f),
        _ => bail!("{name}: expected three tensors at most, got {}", args.len()),
    }
}

/// Whether the graph that is being built takes an operation of more than three of these tensors: candle's own does not.
pub(crate) fn takes_any_number(args: &[&Tensor]) -> bool {
    !is_tracked(args) || tape::is_recording()
}

fn is_tracked(args: &[&Tensor]) -> bool {
    args.iter().any(|t| wants_grad(t)) && !tape::is_off()
}

fn forward<B: Backend>(f: &impl Op<B>, memory: &[(Memory<'_>, &Layout)]) -> Result<(Storage, Shape)> {
    let (device, args) = opened::<B>(memory)?;
    let (floats, shape) = f.forward(device, &args)?;
    Ok((B::close(floats, device), shape))
}

/// The operation as candle sees it.
struct InCandle<B, F>(F, PhantomData<fn() -> B>);

impl<B: Backend, F: Op<B>> InCandle<B, F> {
    fn on_cpu(&self, args: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        let memory: Vec<_> = args.iter().map(|(s, l)| (Memory::Cpu(s), *l)).collect();
        match forward(&self.0, &memory)? {
            (Storage::Cpu(s), shape) => Ok((s, shape)),
            _ => bail!("{}: expected a result on the CPU, got one elsewhere", self.0.name()),
        }
    }

    fn on_cuda(&self, args: &[(&CudaStorage, &Layout)]) -> Result<(CudaStorage, Shape)> {
        let memory: Vec<_> = args.iter().map(|(s, l)| (Memory::Cuda(s), *l)).collect();
        match forward(&self.0, &memory)? {
            (Storage::Cuda(s), shape) => Ok((s, shape)),
            _ => bail!("{}: expected a result on CUDA, got one elsewhere", self.0.name()),
        }
    }

    fn back<const N: usize>(&self, args: [&Tensor; N], out: &Tensor, grad: &Tensor) -> Result<[Option<Tensor>; N]> {
        let saved = Saved::of(&args, out, |wants| self.0.saves(wants));
        let grads = self.0.backward(saved, grad.contiguous()?)?;
        let mut grads = grads.into_iter();
        Ok(std::array::from_fn(|_| grads.next().flatten()))
    }
}

impl<B: Backend, F: Op<B>> CustomOp1 for InCandle<B, F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        self.on_cpu(&[(s, l)])
    }
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
        self.on_cuda(&[(s, l)])
    }
    fn bwd(&self, a: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let [g] = self.back([a], out, grad)?;
        Ok(g)
    }
}

impl<B: Backend, F: Op<B>> CustomOp2 for InCandle<B, F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.on_cpu(&[(s1, l1), (s2, l2)])
    }
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        self.on_cuda(&[(s1, l1), (s2, l2)])
    }
    fn bwd(&self, a: &Tensor, b: &Tensor, out: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [g1, g2] = self.back([a, b], out, grad)?;
        Ok((g1, g2))
    }
}

impl<B: Backend, F: Op<B>> CustomOp3 for InCandle<B, F> {
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
        self.on_cpu(&[(s1, l1), (s2, l2), (s3, l3)])
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
        self.on_cuda(&[(s1, l1), (s2, l2), (s3, l3)])
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

//! Batch normalization with residual and ReLU: two passes over the tensor forward, two backward. Sums over several
//! ranks lie between the two.

use super::launch::{Maybe, blocks, elementwise, empty, launch};
use super::norm_back::{Statistics, back};
use super::norm_counts::Counts;
use super::storage::Cuda;
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend},
};
use crate::ops::reduce::Reduce;
use crate::ops::shapes::Planes;
use crate::ops::synced::{self, Whole};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// Running statistics `(C)`, which each batch moves by `momentum` of the way to its own; contiguous f32 on the device
/// of the batch.
pub(crate) struct Running {
    pub mean: Tensor,
    pub var: Tensor,
    pub momentum: f64,
}

/// As [`batch_norm_train`](crate::ops::batch_norm_train) after its checks, by `affine`, gamma and beta: the result, the
/// mean and the unbiased variance. With `reduce` they are those of all ranks; no statistics run along then.
pub(crate) fn train(
    x: &Tensor,
    affine: [&Tensor; 2],
    eps: f64,
    epilogue: Epilogue<&Tensor>,
    planes: Planes,
    running: Option<Running>,
    reduce: Option<Arc<dyn Reduce>>,
) -> Result<(Tensor, Tensor, Tensor)> {
    let (found, relu) = (Arc::new(OnceLock::new()), epilogue.activation == Activation::Relu);
    let ranks = match reduce {
        Some(by) => Some(Ranks { by, both: Tensor::cat(&affine.map(Tensor::detach), 0)? }),
        None => None,
    };
    let f = Train { planes, eps, relu, running, ranks, found: found.clone() };
    let y = applied(f, x, affine, epilogue.residual)?;
    match found.get() {
        Some(Found { mean, var, .. }) => Ok((y, mean.clone(), var.clone())),
        None => bail!("batch_norm_train: expected statistics, got none"),
    }
}

/// `relu?(scale x + shift (+ residual))` for each channel; `affine` is scale, then shift.
pub(crate) fn scale(x: &Tensor, affine: [&Tensor; 2], epilogue: Epilogue<&Tensor>, planes: Planes) -> Result<Tensor> {
    let f = Scale { planes, relu: epilogue.activation == Activation::Relu };
    applied(f, x, affine, epilogue.residual)
}

/// Arguments: `x`, the two numbers of each channel, then a residual where there is one.
fn applied(f: impl Op<Cuda>, x: &Tensor, [a, b]: [&Tensor; 2], residual: Option<&Tensor>) -> Result<Tensor> {
    match residual {
        Some(r) => apply::<Cuda, _>(f, &[x, a, b, r]),
        None => apply::<Cuda, _>(f, &[x, a, b]),
    }
}

/// The batch's statistics, and what they make of the normalization.
struct Found {
    mean: Tensor,
    var: Tensor,
    /// `(3 C)`: `1 / sqrt(var + eps)`, scale, shift.
    saved: Tensor,
    /// `(1)`, of several ranks: the values of a channel on all of them.
    count: Option<Tensor>,
}

struct Train {
    planes: Planes,
    eps: f64,
    relu: bool,
    running: Option<Running>,
    ranks: Option<Ranks>,
    found: Arc<OnceLock<Found>>,
}

/// The ranks whose batches are parts of one.
struct Ranks {
    by: Arc<dyn Reduce>,
    /// `(2 C)`: gamma, then beta, apart from every graph.
    both: Tensor,
}

fn apply_scale(
    dev: &CudaDevice,
    n: &Counts,
    x: &CudaView<'_, f32>,
    [scale, shift]: [&CudaView<'_, f32>; 2],
    residual: Option<&CudaView<'_, f32>>,
    relu: bool,
) -> Result<CudaSlice<f32>> {
    let (mut y, relu) = (empty::<f32>(dev, n.len as usize)?, u32::from(relu));
    // SAFETY: the kernel's arguments; x, residual and y have `len` elements, scale and shift one per channel.
    unsafe {
        launch!(
            dev,
            "scale_shift",
            elementwise(n.len as usize),
            x,
            scale,
            shift,
            Maybe(residual),
            &mut y,
            &n.channels,
            &n.plane,
            &n.len,
            &relu,
        );
    }
    Ok(y)
}

impl Op<Cuda> for Train {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }
    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let (n, c) = (Counts::of(&self.planes)?, self.planes.c);
        let x = &args[0].data;
        let mut partial = empty::<f32>(dev, 2 * n.splits as usize * c)?;
        let (mut mean, mut var, mut saved) = (empty::<f32>(dev, c)?, empty::<f32>(dev, c)?, empty::<f32>(dev, 3 * c)?);
        // SAFETY: the kernel's arguments, as long as kernels.cu says.
        unsafe {
            let grid = blocks(c, n.splits as usize);
            launch!(dev, "moments_partial", grid, x, &mut partial, &n.channels, &n.plane, &n.count);
        }
        let momentum = self.running.as_ref().map_or(0.0, |r| r.momentum);
        // as `ema_steps` rounds them
        let (eps, keep, take) = (self.eps as f32, (1.0 - momentum) as f32, (1.0 - (1.0 - momentum)) as f32);
        let mut finish = |[running_mean, running_var]: [Option<&CudaView<'_, f32>>; 2]| {
            // SAFETY: as above; no one else uses the running statistics that it writes.
            unsafe {
                launch!(
                    dev,
                    "moments_finish",
                    blocks(n.a_thread_a_channel(), 1),
                    x,
                    &partial,
                    &args[1].data,
                    &args[2].data,
                    &mut mean,
                    &mut var,
                    &mut saved,
                    Maybe(running_mean),
                    Maybe(running_var),
                    &n.channels,
                    &n.plane,
                    &n.count,
                    &n.splits,
                    &eps,
                    &keep,
                    &take,
                );
            }
            Ok(())
        };
        match &self.running {
            None => finish([None; 2])?,
            Some(r) => Cuda::read(&[&r.mean, &r.var], |_, a| finish([Some(&a[0].data), Some(&a[1].data)]))?,
        }
        let own = [Cuda::tensor(mean, c, dev), Cuda::tensor(var, c, dev)];
        let found = match &self.ranks {
            None => {
                let [mean, var] = own;
                Found { mean, var, saved: Cuda::tensor(saved, 3 * c, dev), count: None }
            }
            Some(Ranks { by, both }) => {
                let whole = synced::statistics(by.as_ref(), &own, self.planes.count(), both, self.eps)?;
                let Whole { mean, var, saved, count } = whole;
                Found { mean, var, saved, count: Some(count) }
            }
        };
        let y = Cuda::read(&[&found.saved], |dev, a| {
            let (scale, shift) = (a[0].data.slice(c..2 * c), a[0].data.slice(2 * c..));
            apply_scale(dev, &n, x, [&scale, &shift], args.get(3).map(|r| &r.data), self.relu)
        })?;
        let _ = self.found.set(found);
        Ok((y, Shape::from(args[0].dims)))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::args(&[true]).and_out(self.relu)
    }
    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let Some(found) = self.found.get() else {
            bail!("batch_norm_train: expected a forward pass before the backward one")
        };
        let (x, out) = (saved.take(0)?, self.relu.then(|| saved.take_out()).transpose()?);
        let read: Vec<&Tensor> = [&x, &grad, &found.mean, &found.saved].into_iter().chain(&out).collect();
        Cuda::read(&read, |dev, a| {
            let c = self.planes.c;
            let statistics = Statistics {
                mean: a[2].data.slice(..c),
                inverse: a[3].data.slice(..c),
                ranks: self.ranks.as_ref().map(|r| r.by.as_ref()).zip(found.count.as_ref()),
            };
            let scale = a[3].data.slice(c..2 * c);
            let gate = a.get(4).map(|y| &y.data);
            back(dev, &self.planes, &saved, &a[0].data, &a[1].data, gate, Some(statistics), &scale)
        })
    }
}

struct Scale {
    planes: Planes,
    relu: bool,
}

impl Op<Cuda> for Scale {
    fn name(&self) -> &'static str {
        "batch_norm_eval"
    }
    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let n = Counts::of(&self.planes)?;
        let (affine, residual) = ([&args[1].data, &args[2].data], args.get(3).map(|r| &r.data));
        let y = apply_scale(dev, &n, &args[0].data, affine, residual, self.relu)?;
        Ok((y, Shape::from(args[0].dims)))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::args(&[true, true]).and_out(self.relu)
    }
    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let (x, scale, out) = (saved.take(0)?, saved.take(1)?, self.relu.then(|| saved.take_out()).transpose()?);
        let read: Vec<&Tensor> = [&x, &grad, &scale].into_iter().chain(&out).collect();
        Cuda::read(&read, |dev, a| {
            back(dev, &self.planes, &saved, &a[0].data, &a[1].data, a.get(3).map(|y| &y.data), None, &a[2].data)
        })
    }
}

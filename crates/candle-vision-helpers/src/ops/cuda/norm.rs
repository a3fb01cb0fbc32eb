//! Batch normalization with residual and ReLU: two passes over the tensor forward, two backward.

use super::launch::{Maybe, MaybeMut, THREADS, blocks, count, elementwise, empty, launch};
use super::storage::Cuda;
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend},
};
use crate::ops::shapes::Planes;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// Elements that a thread sums up at least, so that small tensors are not cut into more blocks than pay.
const A_THREAD: usize = 8;
/// Most blocks for a channel.
const MAX_SPLITS: usize = 64;

/// As [`batch_norm_train`](crate::ops::batch_norm_train) after its checks: the result, the mean and the unbiased
/// variance; `both` is gamma, then beta.
pub(crate) fn train(
    x: &Tensor,
    both: &Tensor,
    eps: f64,
    epilogue: Epilogue<&Tensor>,
    planes: Planes,
) -> Result<(Tensor, Tensor, Tensor)> {
    let found = Arc::new(OnceLock::new());
    let f = Train { planes, eps: eps as f32, relu: epilogue.activation == Activation::Relu, found: found.clone() };
    let y = match epilogue.residual {
        Some(r) => apply::<Cuda, _>(f, &[x, both, r])?,
        None => apply::<Cuda, _>(f, &[x, both])?,
    };
    match found.get() {
        Some(Found { mean, var, .. }) => Ok((y, mean.clone(), var.clone())),
        None => bail!("batch_norm_train: expected statistics, got none"),
    }
}

/// `relu?(scale x + shift (+ residual))` for each channel; `both` is scale, then shift.
pub(crate) fn scale(x: &Tensor, both: &Tensor, epilogue: Epilogue<&Tensor>, planes: Planes) -> Result<Tensor> {
    let f = Scale { planes, relu: epilogue.activation == Activation::Relu };
    match epilogue.residual {
        Some(r) => apply::<Cuda, _>(f, &[x, both, r]),
        None => apply::<Cuda, _>(f, &[x, both]),
    }
}

/// The batch's statistics, and what they make of the normalization.
struct Found {
    mean: Tensor,
    var: Tensor,
    /// `(3 C)`: `1 / sqrt(var + eps)`, scale, shift.
    saved: Tensor,
}

struct Train {
    planes: Planes,
    eps: f32,
    relu: bool,
    found: Arc<OnceLock<Found>>,
}

/// A tensor's sizes as the kernels take them.
struct Counts {
    channels: u32,
    plane: u32,
    /// Elements of a channel.
    count: u32,
    splits: u32,
    len: u64,
}

impl Counts {
    fn of(s: &Planes) -> Result<Self> {
        let elements = s.count();
        let splits = (elements / (THREADS * A_THREAD)).clamp(1, MAX_SPLITS);
        // the kernels step by a grid's threads beyond the last element
        count(elements + splits * THREADS)?;
        Ok(Self {
            channels: count(s.c)?,
            plane: count(s.plane)?,
            count: count(elements)?,
            splits: count(splits)?,
            len: (elements * s.c) as u64,
        })
    }

    fn a_thread_a_channel(&self) -> usize {
        (self.channels as usize).div_ceil(THREADS)
    }
}

fn apply_scale(
    dev: &CudaDevice,
    n: &Counts,
    x: &CudaView<'_, f32>,
    scale_then_shift: &CudaView<'_, f32>,
    residual: Option<&CudaView<'_, f32>>,
    relu: bool,
) -> Result<CudaSlice<f32>> {
    let c = n.channels as usize;
    let (scale, shift) = (scale_then_shift.slice(..c), scale_then_shift.slice(c..2 * c));
    let (mut y, relu) = (empty::<f32>(dev, n.len as usize)?, u32::from(relu));
    // SAFETY: the kernel's arguments; x, residual and y have `len` elements, scale and shift one per channel.
    unsafe {
        launch!(
            dev,
            "scale_shift",
            elementwise(n.len as usize),
            x,
            &scale,
            &shift,
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
        let (x, both) = (&args[0].data, &args[1].data);
        let mut partial = empty::<f32>(dev, 2 * n.splits as usize * c)?;
        let (mut mean, mut var, mut saved) = (empty::<f32>(dev, c)?, empty::<f32>(dev, c)?, empty::<f32>(dev, 3 * c)?);
        // SAFETY: the kernels' arguments, as long as kernels.cu says.
        unsafe {
            let grid = blocks(c, n.splits as usize);
            launch!(dev, "moments_partial", grid, x, &mut partial, &n.channels, &n.plane, &n.count);
            launch!(
                dev,
                "moments_finish",
                blocks(n.a_thread_a_channel(), 1),
                x,
                &partial,
                both,
                &mut mean,
                &mut var,
                &mut saved,
                &n.channels,
                &n.plane,
                &n.count,
                &n.splits,
                &self.eps,
            );
        }
        let y = apply_scale(dev, &n, x, &saved.slice(c..), args.get(2).map(|r| &r.data), self.relu)?;
        let found = Found {
            mean: Cuda::tensor(mean, c, dev),
            var: Cuda::tensor(var, c, dev),
            saved: Cuda::tensor(saved, 3 * c, dev),
        };
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
            let statistics = Some((&a[2].data, a[3].data.slice(..c)));
            let scale = a[3].data.slice(c..2 * c);
            back(dev, &self.planes, &saved, &a[0].data, &a[1].data, a.get(4).map(|y| &y.data), statistics, &scale)
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
        let y = apply_scale(dev, &n, &args[0].data, &args[1].data, args.get(2).map(|r| &r.data), self.relu)?;
        Ok((y, Shape::from(args[0].dims)))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::args(&[true, true]).and_out(self.relu)
    }
    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let (x, both, out) = (saved.take(0)?, saved.take(1)?, self.relu.then(|| saved.take_out()).transpose()?);
        let read: Vec<&Tensor> = [&x, &grad, &both].into_iter().chain(&out).collect();
        Cuda::read(&read, |dev, a| {
            let scale = a[2].data.slice(..self.planes.c);
            back(dev, &self.planes, &saved, &a[0].data, &a[1].data, a.get(3).map(|y| &y.data), None, &scale)
        })
    }
}

/// The gradients of x, of scale (or gamma) and shift (or beta), and of a residual that wants one.
#[allow(clippy::too_many_arguments)] // what both directions share, each once
fn back(
    dev: &CudaDevice,
    planes: &Planes,
    saved: &Saved,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
    gate: Option<&CudaView<'_, f32>>,
    statistics: Option<(&CudaView<'_, f32>, CudaView<'_, f32>)>,
    scale: &CudaView<'_, f32>,
) -> Result<Vec<Option<Tensor>>> {
    let (n, c) = (Counts::of(planes)?, planes.c);
    let (mean, inverse) = (statistics.as_ref().map(|s| s.0), statistics.as_ref().map(|s| &s.1));
    let sums = channel_sums(dev, &n, Some(x), dy, gate, mean, inverse)?;
    let mut dx = empty::<f32>(dev, n.len as usize)?;
    let mut residual = if saved.wants_grad(2) { Some(empty::<f32>(dev, n.len as usize)?) } else { None };
    // SAFETY: the kernel's arguments; x, dy, gate, dx and the residual's gradient have `len` elements.
    unsafe {
        launch!(
            dev,
            "scale_shift_back",
            elementwise(n.len as usize),
            x,
            dy,
            Maybe(gate),
            Maybe(mean),
            Maybe(inverse),
            scale,
            &sums,
            &mut dx,
            MaybeMut(residual.as_mut()),
            &n.channels,
            &n.plane,
            &n.len,
            &n.count,
        );
    }
    Ok(vec![
        Some(Cuda::tensor(dx, saved.shape(0), dev)),
        Some(Cuda::tensor(sums, 2 * c, dev)),
        residual.map(|r| Cuda::tensor(r, saved.shape(0), dev)),
    ])
}

/// `(2, C)`: the sums of the gradient times the normalized x, and of the gradient.
fn channel_sums(
    dev: &CudaDevice,
    n: &Counts,
    x: Option<&CudaView<'_, f32>>,
    dy: &CudaView<'_, f32>,
    gate: Option<&CudaView<'_, f32>>,
    mean: Option<&CudaView<'_, f32>>,
    inverse: Option<&CudaView<'_, f32>>,
) -> Result<CudaSlice<f32>> {
    let c = n.channels as usize;
    let mut partial = empty::<f32>(dev, 2 * n.splits as usize * c)?;
    let mut sums = empty::<f32>(dev, 2 * c)?;
    // SAFETY: the kernels' arguments, as long as kernels.cu says; the two halves of `sums` do not overlap.
    unsafe {
        let grid = blocks(c, n.splits as usize);
        launch!(
            dev,
            "gradients_partial",
            grid,
            Maybe(x),
            dy,
            Maybe(gate),
            Maybe(mean),
            Maybe(inverse),
            &mut partial,
            &n.channels,
            &n.plane,
            &n.count,
        );
        let (mut products, mut plain) = sums.split_at_mut(c);
        let grid = blocks(n.a_thread_a_channel(), 1);
        launch!(dev, "gradients_finish", grid, &partial, &mut products, &mut plain, &n.channels, &n.splits);
    }
    Ok(sums)
}

/// The sum of `dy (B, C, plane)` over each channel: the gradient of a bias.
#[cfg(feature = "cudnn")]
pub(super) fn bias_grad(dev: &CudaDevice, dy: &CudaView<'_, f32>, planes: &Planes) -> Result<Tensor> {
    let n = Counts::of(planes)?;
    let sums = Cuda::tensor(channel_sums(dev, &n, None, dy, None, None, None)?, 2 * planes.c, dev);
    sums.narrow(0, planes.c, planes.c)?.contiguous()
}

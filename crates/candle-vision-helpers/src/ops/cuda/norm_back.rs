//! The way back through a normalization: a pass that sums up over each channel, and one that takes the sums.

use super::launch::{Maybe, MaybeMut, blocks, elementwise, empty, launch};
use super::norm_counts::Counts;
use super::storage::Cuda;
use crate::ops::graph::{saved::Saved, storage::Backend};
use crate::ops::reduce::Reduce;
use crate::ops::shapes::Planes;
use crate::ops::synced;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, Tensor};

/// The batch's own statistics, by which it was normalized.
pub(super) struct Statistics<'a> {
    pub mean: CudaView<'a, f32>,
    /// `1 / sqrt(var + eps)` of each channel.
    pub inverse: CudaView<'a, f32>,
    /// What sums over the ranks whose batches are parts of one, and the values of a channel on all of them.
    pub ranks: Option<(&'a dyn Reduce, &'a Tensor)>,
}

/// The gradients of x, of scale (or gamma), of shift (or beta), and of a residual that wants one.
#[allow(clippy::too_many_arguments)] // what both directions share, each once
pub(super) fn back(
    dev: &CudaDevice,
    planes: &Planes,
    saved: &Saved,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
    gate: Option<&CudaView<'_, f32>>,
    statistics: Option<Statistics<'_>>,
    scale: &CudaView<'_, f32>,
) -> Result<Vec<Option<Tensor>>> {
    let (n, c) = (Counts::of(planes)?, planes.c);
    let (mean, inverse) = (statistics.as_ref().map(|s| &s.mean), statistics.as_ref().map(|s| &s.inverse));
    let own = Cuda::tensor(channel_sums(dev, &n, Some(x), dy, gate, mean, inverse)?, 2 * c, dev);
    let (sums, count) = match statistics.as_ref().and_then(|s| s.ranks) {
        None => (own.clone(), n.count),
        // divided already, by what no host knows
        Some((by, count)) => (synced::means(by, &own, count)?, 1),
    };
    let mut dx = empty::<f32>(dev, n.len as usize)?;
    let mut residual = match saved.wants_grad(3) {
        true => Some(empty::<f32>(dev, n.len as usize)?),
        false => None,
    };
    Cuda::read(&[&sums], |dev, a| {
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
                &a[0].data,
                &mut dx,
                MaybeMut(residual.as_mut()),
                &n.channels,
                &n.plane,
                &n.len,
                &count,
            );
        }
        Ok(())
    })?;
    Ok(vec![
        Some(Cuda::tensor(dx, saved.shape(0), dev)),
        Some(own.narrow(0, 0, c)?),
        Some(own.narrow(0, c, c)?),
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

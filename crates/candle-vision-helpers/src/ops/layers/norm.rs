//! Batch normalization, with a residual and an activation in the same pass.

mod nodes;
#[cfg(feature = "cuda")]
mod on_cuda;

use super::activation::finished;
use crate::ops::cpu::norm::Moments;
use crate::ops::epilogue::Epilogue;
use crate::ops::graph::{storage::tensor, tape::input};
use crate::ops::reduce;
use crate::ops::shapes::{Planes, shaped};
use crate::ops::steps::ema_steps;
use candle_core::{Result, Tensor, Var, bail};
use nodes::{Scale, Train, applied};
use std::sync::{Arc, OnceLock};

/// The parameters of a batch normalization: `gamma (x - mean) / sqrt(var + eps) + beta`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// `(C)`: the factor of each channel.
    pub gamma: &'a Tensor,
    /// `(C)`: what is added to each channel.
    pub beta: &'a Tensor,
    /// Added to the variance, so that its root stays above 0.
    pub eps: f64,
}

/// Means and variances of channels.
#[derive(Clone, Copy, Debug)]
pub struct Statistics<'a> {
    /// `(C)`: the mean of each channel.
    pub mean: &'a Tensor,
    /// `(C)`: the variance of each channel.
    pub var: &'a Tensor,
}

/// Running statistics, which each batch moves towards its own.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// `(C)`: the mean of each channel.
    pub mean: &'a Var,
    /// `(C)`: the unbiased variance of each channel.
    pub var: &'a Var,
    /// How far a batch moves them, as in PyTorch: `running = (1 - momentum) running + momentum batch`.
    pub momentum: f64,
}

/// The result of a normalization by the batch's own statistics.
#[derive(Debug, Clone)]
pub struct BatchNormOut {
    /// The result, shaped as the input.
    pub y: Tensor,
    /// `(C)`: the batch's mean, detached, for the running statistics.
    pub mean: Tensor,
    /// `(C)`: the batch's unbiased variance, detached, for the running statistics.
    pub var: Tensor,
}

impl BatchNorm<'_> {
    /// Factor and shift of each channel for these statistics.
    fn affine(&self, mean: &Tensor, var: &Tensor) -> Result<(Tensor, Tensor)> {
        let scale = (input(self.gamma) / (var + self.eps)?.sqrt()?)?;
        let shift = (input(self.beta) - (mean * &scale)?)?;
        Ok((scale, shift))
    }
}

/// The normalization of `x (B, C, H, W)` (or `(B, C)`) with mean and (biased) variance of the batch, then the epilogue:
/// a residual shaped as `x`, an activation. Its bias is `beta`. Inside [`reduced`](crate::ops::reduced) the batch is
/// that of all ranks.
///
/// # Errors
/// Shapes that do not fit, a bias, fewer than two values for a channel; on the CPU, another type than f32; several
/// ranks elsewhere than on the CPU and, in f32, on CUDA.
pub fn batch_norm_train(x: &Tensor, norm: &BatchNorm<'_>, epilogue: Epilogue<&Tensor>) -> Result<BatchNormOut> {
    let name = "batch_norm_train";
    let planes = check_train(name, x, norm, epilogue)?;
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return on_cuda::train(x, norm, epilogue, planes, None);
    }
    let reduce = reduce::current();
    if !x.device().is_cpu() {
        if reduce.is_some() {
            let (got, at) = (x.dtype(), x.device().location());
            bail!("{name}: expected f32 on the CPU or on CUDA for statistics of several ranks, got {got:?} on {at:?}");
        }
        return train_composed(x, norm, epilogue, planes);
    }
    let moments = Arc::new(OnceLock::new());
    let f = Train { planes, eps: norm.eps, activation: epilogue.activation, reduce, moments: moments.clone() };
    let y = applied(f, x, &[&input(norm.gamma), &input(norm.beta)], epilogue.residual)?;
    let Some(Moments { mean, var, count, .. }) = moments.get() else { bail!("{name}: expected statistics, got none") };
    let unbiased = *count as f32 / (count - 1.0) as f32;
    let var = var.iter().map(|v| v * unbiased).collect();
    Ok(BatchNormOut { y, mean: tensor(mean.clone(), planes.c), var: tensor(var, planes.c) })
}

/// As [`batch_norm_train`], and moves running statistics, outside of every graph; on CUDA within the same launches.
///
/// # Errors
/// As [`batch_norm_train`] and [`ema_steps`].
pub fn batch_norm_train_running(
    x: &Tensor,
    norm: &BatchNorm<'_>,
    running: &Running<'_>,
    epilogue: Epilogue<&Tensor>,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if on_cuda::moves(x, running) {
        let planes = check_train("batch_norm_train", x, norm, epilogue)?;
        return on_cuda::train_running(x, norm, running, epilogue, planes);
    }
    let out = batch_norm_train(x, norm, epilogue)?;
    ema_steps(&[(running.mean, &out.mean), (running.var, &out.var)], 1.0 - running.momentum)?;
    Ok(out.y)
}

/// As [`batch_norm_train`], with statistics given: evaluation, or training with frozen statistics. Differentiable in
/// all.
///
/// # Errors
/// Shapes that do not fit, a bias; on the CPU, another type than f32.
pub fn batch_norm_eval(
    x: &Tensor,
    norm: &BatchNorm<'_>,
    running: &Statistics<'_>,
    epilogue: Epilogue<&Tensor>,
) -> Result<Tensor> {
    let name = "batch_norm_eval";
    let planes = check(name, x, epilogue)?;
    planes
        .channels(name, &[("gamma", norm.gamma), ("beta", norm.beta), ("mean", running.mean), ("var", running.var)])?;
    let (scale, shift) = norm.affine(&input(running.mean), &input(running.var))?;
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return on_cuda::scale(x, [&scale, &shift], epilogue, planes);
    }
    if !x.device().is_cpu() {
        return scale_composed(x, &scale, &shift, epilogue);
    }
    applied(Scale { planes, activation: epilogue.activation }, x, &[&scale, &shift], epilogue.residual)
}

/// Weights and bias of the convolution that does what the given one and a normalization behind it do together, for
/// inference: `weight (O, C, KH, KW)` (or `(O, I)`), all else `(O)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn fold_batch_norm(
    weight: &Tensor,
    bias: Option<&Tensor>,
    norm: &BatchNorm<'_>,
    running: &Statistics<'_>,
) -> Result<(Tensor, Tensor)> {
    let o = weight.dims().first().copied().unwrap_or(0);
    let numbers = [("gamma", norm.gamma), ("beta", norm.beta), ("mean", running.mean), ("var", running.var)];
    for (argument, t) in numbers.into_iter().chain(bias.map(|b| ("bias", b))) {
        shaped("fold_batch_norm", argument, &[o], t.dims())?;
    }
    let scale = (input(norm.gamma) / (input(running.var) + norm.eps)?.sqrt()?)?;
    let mut ones = vec![1; weight.rank()];
    ones[0] = o;
    let weight = input(weight).broadcast_mul(&scale.reshape(ones)?)?;
    let mean = match bias {
        Some(b) => (input(running.mean) - input(b))?,
        None => input(running.mean),
    };
    Ok((weight, (input(norm.beta) - (mean * scale)?)?))
}

fn check(name: &str, x: &Tensor, epilogue: Epilogue<&Tensor>) -> Result<Planes> {
    if let Some(bias) = epilogue.bias {
        bail!("{name}: bias: expected none, since beta is one, got {:?}", bias.dims());
    }
    Planes::of(name, x, epilogue.residual)
}

fn check_train(name: &str, x: &Tensor, norm: &BatchNorm<'_>, epilogue: Epilogue<&Tensor>) -> Result<Planes> {
    let planes = check(name, x, epilogue)?;
    planes.channels(name, &[("gamma", norm.gamma), ("beta", norm.beta)])?;
    let count = planes.count();
    if count < 2 {
        bail!("{name}: input: expected two values or more for a channel, got {count} in {:?}", x.dims());
    }
    Ok(planes)
}

/// Shaped to broadcast over the channels of `(B, C, ..)`.
fn of_channels(t: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mut dims = vec![1; like.rank()];
    dims[1] = t.elem_count();
    t.reshape(dims)
}

pub(super) fn scale_composed(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    epilogue: Epilogue<&Tensor>,
) -> Result<Tensor> {
    let y = input(x).broadcast_mul(&of_channels(&input(scale), x)?)?.broadcast_add(&of_channels(&input(shift), x)?)?;
    finished(y, epilogue.map(input))
}

pub(super) fn train_composed(
    x: &Tensor,
    norm: &BatchNorm<'_>,
    epilogue: Epilogue<&Tensor>,
    planes: Planes,
) -> Result<BatchNormOut> {
    let Planes { b, c, plane } = planes;
    let count = (b * plane) as f64;
    let flat = input(x).reshape((b, c, plane))?.transpose(0, 1)?.contiguous()?.reshape((c, b * plane))?;
    let mean = flat.mean(1)?;
    let var = flat.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let (scale, shift) = norm.affine(&mean, &var)?;
    let y = scale_composed(x, &scale, &shift, epilogue)?;
    Ok(BatchNormOut { y, mean: mean.detach(), var: (var * (count / (count - 1.0)))?.detach() })
}

#[cfg(test)]
mod tests;

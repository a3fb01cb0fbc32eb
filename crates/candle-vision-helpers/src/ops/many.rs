//! The same step over many tensors: one launch for all of them on CUDA, one after the other elsewhere.

#[cfg(feature = "cuda")]
use super::cuda::takes as on_cuda;
use super::optim::{AdamWStep, adamw_step, apart, ema_step};
use super::tape::input;
use candle_core::{Result, Tensor, Var, bail};

/// A parameter with what one AdamW step of it needs, all shaped alike.
#[derive(Clone, Copy, Debug)]
pub struct AdamWItem<'a> {
    /// Changed in place.
    pub param: &'a Var,
    /// Its gradient.
    pub grad: &'a Tensor,
    /// The first moment, changed in place.
    pub m: &'a Var,
    /// The second moment, changed in place.
    pub v: &'a Var,
    /// The step's numbers; in one call all items share the decays, `eps` and the corrections.
    pub step: AdamWStep,
}

/// [`adamw_step`] of each item.
///
/// # Errors
/// As [`adamw_step`], memory shared among items included; on CUDA, items whose decays, `eps` or corrections differ.
pub fn adamw_steps(items: &[AdamWItem<'_>]) -> Result<()> {
    let written: Vec<&Var> = items.iter().flat_map(|i| [i.param, i.m, i.v]).collect();
    apart("adamw_steps", &written, &items.iter().map(|i| i.grad).collect::<Vec<_>>())?;
    #[cfg(feature = "cuda")]
    if !items.is_empty() && items.iter().all(|i| on_cuda(i.grad) && [i.param, i.m, i.v].into_iter().all(|v| on_cuda(v)))
    {
        for i in items {
            alike("adamw_steps", i.param, &[i.grad, i.m, i.v])?;
        }
        return super::cuda::many::adamw(items);
    }
    items.iter().try_for_each(|i| adamw_step(i.param, i.grad, i.m, i.v, &i.step))
}

/// [`ema_step`] of each pair of a shadow and a value.
///
/// # Errors
/// As [`ema_step`], memory shared among pairs included.
pub fn ema_steps(pairs: &[(&Var, &Tensor)], decay: f64) -> Result<()> {
    let (written, read): (Vec<&Var>, Vec<&Tensor>) = pairs.iter().copied().unzip();
    apart("ema_steps", &written, &read)?;
    #[cfg(feature = "cuda")]
    if !pairs.is_empty() && pairs.iter().all(|(s, v)| on_cuda(s) && on_cuda(v)) {
        for (shadow, value) in pairs {
            alike("ema_steps", shadow, &[value])?;
        }
        return super::cuda::many::ema(pairs, decay);
    }
    pairs.iter().try_for_each(|(shadow, value)| ema_step(shadow, value, decay))
}

/// The root of the sum of all squares of all tensors, a scalar on their device.
///
/// # Errors
/// No tensor at all; tensors on different devices.
pub fn global_norm(tensors: &[&Tensor]) -> Result<Tensor> {
    if tensors.is_empty() {
        bail!("global_norm: no tensor");
    }
    #[cfg(feature = "cuda")]
    if tensors.iter().all(|t| on_cuda(t)) {
        return super::cuda::many::global_norm(tensors);
    }
    let squares = tensors.iter().map(|t| input(t).sqr()?.sum_all()).collect::<Result<Vec<_>>>()?;
    Tensor::stack(&squares, 0)?.sum_all()?.sqrt()
}

/// Each tensor times `factor`, a scalar on their device.
///
/// # Errors
/// Tensors on different devices.
pub fn scale_all(tensors: &[&Tensor], factor: &Tensor) -> Result<Vec<Tensor>> {
    #[cfg(feature = "cuda")]
    if !tensors.is_empty() && tensors.iter().chain([&factor]).all(|t| on_cuda(t)) {
        return super::cuda::many::scale_all(tensors, factor);
    }
    tensors.iter().map(|t| input(t).broadcast_mul(&input(factor))).collect()
}

#[cfg(feature = "cuda")]
fn alike(name: &str, param: &Tensor, others: &[&Tensor]) -> Result<()> {
    match others.iter().find(|t| t.dims() != param.dims()) {
        Some(t) => bail!("{name}: the parameter is {:?}, a tensor beside it {:?}", param.dims(), t.dims()),
        None => Ok(()),
    }
}

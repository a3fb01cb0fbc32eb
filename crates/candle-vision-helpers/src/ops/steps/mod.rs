//! Optimizer steps in place, of one tensor and of many: one pass over each parameter on the CPU, one launch for all of
//! them on CUDA, candle's operations elsewhere.

mod in_place;

use super::graph::tape::input;
use super::optim::{AdamWItem, AdamWStep, SgdStep};
use super::shapes::shaped;
#[cfg(feature = "cuda")]
use crate::ops::cuda::{many, takes as on_cuda};
use candle_core::{Result, Storage, Tensor, Var, bail};
use in_place::in_place;
use std::collections::HashSet;

/// One AdamW step (Loshchilov and Hutter 2019, as PyTorch does it) of a parameter and its moments `m` and `v`, all
/// shaped alike.
///
/// # Errors
/// Shapes that differ, tensors that share memory; on the CPU, another type than f32 or a parameter that is not
/// contiguous.
pub fn adamw_step(param: &Var, grad: &Tensor, m: &Var, v: &Var, s: &AdamWStep) -> Result<()> {
    alike("adamw_step", param, &[("grad", grad), ("m", m), ("v", v)])?;
    apart("adamw_step", &[param, m, v], &[grad])?;
    if !param.device().is_cpu() {
        let new_m = ((m.as_tensor() * s.beta1)? + (grad * (1.0 - s.beta1))?)?;
        let new_v = ((v.as_tensor() * s.beta2)? + (grad.sqr()? * (1.0 - s.beta2))?)?;
        let root = ((&new_v / s.bias_correction2)?.sqrt()? + s.eps)?;
        let update = ((&new_m / root)? * (s.lr / s.bias_correction1))?;
        let kept = (param.as_tensor() * (1.0 - s.lr * s.weight_decay))?;
        param.set(&(kept - update)?.detach())?;
        m.set(&new_m.detach())?;
        return v.set(&new_v.detach());
    }
    let (b1, b2, eps) = (s.beta1 as f32, s.beta2 as f32, s.eps as f32);
    let (g1, g2) = ((1.0 - s.beta1) as f32, (1.0 - s.beta2) as f32);
    let keep = (1.0 - s.lr * s.weight_decay) as f32;
    let rate = (s.lr / s.bias_correction1) as f32;
    let root = (1.0 / s.bias_correction2.sqrt()) as f32;
    in_place(&[param, m, v], grad, &|vars, grad| {
        let [p, m, v] = vars else { return };
        for (((p, m), v), &g) in p.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(grad) {
            *m = b1 * *m + g1 * g;
            *v = b2 * *v + g2 * (g * g);
            *p = keep * *p - rate * *m / (v.sqrt() * root + eps);
        }
    })
}

/// [`adamw_step`] of each item.
///
/// # Errors
/// As [`adamw_step`], memory shared among items included; on CUDA, items whose decay rates, `eps` or corrections
/// differ.
pub fn adamw_steps(items: &[AdamWItem<'_>]) -> Result<()> {
    let written: Vec<&Var> = items.iter().flat_map(|i| [i.param, i.m, i.v]).collect();
    apart("adamw_steps", &written, &items.iter().map(|i| i.grad).collect::<Vec<_>>())?;
    #[cfg(feature = "cuda")]
    if !items.is_empty() && items.iter().all(|i| on_cuda(i.grad) && [i.param, i.m, i.v].into_iter().all(|v| on_cuda(v)))
    {
        for i in items {
            alike("adamw_steps", i.param, &[("grad", i.grad), ("m", i.m), ("v", i.v)])?;
        }
        return many::adamw(items);
    }
    items.iter().try_for_each(|i| adamw_step(i.param, i.grad, i.m, i.v, &i.step))
}

/// One step of SGD with momentum as PyTorch does it (no dampening): `d = grad + weight_decay param; velocity = momentum
/// velocity + d; param -= lr (velocity, or d + momentum velocity with nesterov)`, all shaped alike.
///
/// # Errors
/// As [`adamw_step`].
pub fn sgd_step(param: &Var, grad: &Tensor, velocity: &Var, s: &SgdStep) -> Result<()> {
    let SgdStep { lr, momentum, weight_decay, nesterov } = *s;
    alike("sgd_step", param, &[("grad", grad), ("velocity", velocity)])?;
    apart("sgd_step", &[param, velocity], &[grad])?;
    if !param.device().is_cpu() {
        let d = (grad + (param.as_tensor() * weight_decay)?)?;
        let new = ((velocity.as_tensor() * momentum)? + &d)?;
        let step = if nesterov { (d + (&new * momentum)?)? } else { new.clone() };
        param.set(&(param.as_tensor() - (step * lr)?)?.detach())?;
        return velocity.set(&new.detach());
    }
    let (lr, momentum, weight_decay) = (lr as f32, momentum as f32, weight_decay as f32);
    in_place(&[param, velocity], grad, &|vars, grad| {
        let [p, v] = vars else { return };
        for ((p, v), &g) in p.iter_mut().zip(v.iter_mut()).zip(grad) {
            let d = g + weight_decay * *p;
            *v = momentum * *v + d;
            *p -= lr * if nesterov { d + momentum * *v } else { *v };
        }
    })
}

/// `shadow = decay shadow + (1 - decay) param`.
///
/// # Errors
/// As [`adamw_step`].
pub fn ema_step(shadow: &Var, param: &Tensor, decay: f64) -> Result<()> {
    alike("ema_step", shadow, &[("param", param)])?;
    apart("ema_step", &[shadow], &[param])?;
    if !shadow.device().is_cpu() {
        return shadow.set(&((shadow.as_tensor() * decay)? + (param * (1.0 - decay))?)?.detach());
    }
    let (keep, take) = (decay as f32, (1.0 - decay) as f32);
    in_place(&[shadow], param, &|vars, param| {
        let [s] = vars else { return };
        for (s, p) in s.iter_mut().zip(param) {
            *s = keep * *s + take * p;
        }
    })
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
            alike("ema_steps", shadow, &[("param", value)])?;
        }
        return many::ema(pairs, decay);
    }
    pairs.iter().try_for_each(|(shadow, value)| ema_step(shadow, value, decay))
}

/// The root of the sum of all squares of all tensors, a scalar on their device.
///
/// # Errors
/// No tensor at all; tensors on different devices.
pub fn global_norm(tensors: &[&Tensor]) -> Result<Tensor> {
    if tensors.is_empty() {
        bail!("global_norm: expected one tensor at least, got none");
    }
    #[cfg(feature = "cuda")]
    if tensors.iter().all(|t| on_cuda(t)) {
        return many::global_norm(tensors);
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
        return many::scale_all(tensors, factor);
    }
    tensors.iter().map(|t| input(t).broadcast_mul(&input(factor))).collect()
}

fn alike(name: &str, param: &Tensor, others: &[(&str, &Tensor)]) -> Result<()> {
    others.iter().try_for_each(|(argument, t)| shaped(name, argument, param.dims(), t.dims()))
}

/// Refuses what a step would write and, in the same call, read or write again: on the CPU it would wait for itself for
/// ever.
pub(crate) fn apart(name: &str, written: &[&Var], read: &[&Tensor]) -> Result<()> {
    // where a storage lives in memory tells it from every other, on every device
    let storage = |t: &Tensor| std::ptr::from_ref::<Storage>(&t.storage_and_layout().0);
    let mut seen = HashSet::with_capacity(written.len());
    let twice = written.iter().find(|v| !seen.insert(storage(v))).map(|v| v.as_tensor());
    match twice.or(read.iter().copied().find(|t| seen.contains(&storage(t)))) {
        Some(t) => bail!(
            "{name}: expected tensors apart, got one of {:?} that shares its memory with a variable that the step changes",
            t.dims()
        ),
        None => Ok(()),
    }
}

//! Optimiser steps in place: one pass over each parameter on the CPU, candle's operations elsewhere.

use super::cpu::memory::Shared;
use super::cpu::parallel::{GRAIN, for_chunks};
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, Var, bail};
use std::cell::RefCell;
use std::collections::HashSet;

/// What one AdamW step needs to know.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// The learning rate.
    pub lr: f64,
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub eps: f64,
    /// The part `lr * weight_decay` of the parameter is taken off, apart from the gradient.
    pub weight_decay: f64,
    /// `1 - beta1^t` at step `t` (from 1 on).
    pub bias_correction1: f64,
    /// `1 - beta2^t`.
    pub bias_correction2: f64,
}

/// One AdamW step (Loshchilov and Hutter 2019, as PyTorch does it) of a parameter and its moments `m` and `v`, all
/// shaped alike.
///
/// # Errors
/// Shapes that differ, tensors that share memory; on the CPU, another type than f32 or a parameter that is not
/// contiguous.
pub fn adamw_step(param: &Var, grad: &Tensor, m: &Var, v: &Var, s: &AdamWStep) -> Result<()> {
    same_shape("adamw_step", param, &[grad, m, v])?;
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

/// One step of SGD with momentum as PyTorch does it (no dampening): `d = grad + weight_decay param; velocity = momentum
/// velocity + d; param -= lr (velocity, or d + momentum velocity with nesterov)`, all shaped alike.
///
/// # Errors
/// As [`adamw_step`].
pub fn sgd_step(
    param: &Var,
    grad: &Tensor,
    velocity: &Var,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
) -> Result<()> {
    same_shape("sgd_step", param, &[grad, velocity])?;
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
    same_shape("ema_step", shadow, &[param])?;
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

fn same_shape(name: &str, param: &Var, others: &[&Tensor]) -> Result<()> {
    for t in others {
        if t.dims() != param.dims() {
            bail!("{name}: the parameter is {:?}, a tensor beside it {:?}", param.dims(), t.dims());
        }
    }
    Ok(())
}

/// Refuses what a step would write and, in the same call, read or write again: on the CPU it would wait for itself for
/// ever.
pub(super) fn apart(name: &str, written: &[&Var], read: &[&Tensor]) -> Result<()> {
    // where a storage lives in memory tells it from every other, on every device
    let storage = |t: &Tensor| std::ptr::from_ref::<Storage>(&t.storage_and_layout().0);
    let mut seen = HashSet::with_capacity(written.len());
    let twice = written.iter().find(|v| !seen.insert(storage(v))).map(|v| v.as_tensor());
    match twice.or(read.iter().copied().find(|t| seen.contains(&storage(t)))) {
        Some(t) => bail!("{name}: a tensor of {:?} shares its memory with a variable that the step changes", t.dims()),
        None => Ok(()),
    }
}

type Step<'a> = dyn Fn(&mut [&mut [f32]], &[f32]) + Sync + 'a;

/// Runs `step` over chunks of all variables and the tensor, in parallel. candle hands out one storage for writing at a
/// time, so the calls nest: each holds its variable while the next one is opened.
fn in_place(vars: &[&Var], with: &Tensor, step: &Step<'_>) -> Result<()> {
    let with = with.detach().contiguous()?;
    super::node::with_args(&[&with], |a| open(vars, RefCell::new(Vec::new()), a[0].data, step))
}

fn open(vars: &[&Var], opened: RefCell<Vec<(Shared, usize)>>, with: &[f32], step: &Step<'_>) -> Result<()> {
    match vars.split_first() {
        Some((first, rest)) => first.inplace_op1(&Open { rest, opened, with, step }),
        None => {
            let opened = opened.into_inner();
            if opened.iter().any(|(_, len)| *len != with.len()) {
                bail!("an optimiser step: variables of different lengths");
            }
            for_chunks(with.len(), GRAIN, |i, j| {
                // SAFETY: every variable is held open for writing by a caller of ours; chunks are disjoint.
                let mut parts: Vec<&mut [f32]> = opened.iter().map(|(p, _)| unsafe { p.part(i, j - i) }).collect();
                step(&mut parts, &with[i..j]);
            });
            Ok(())
        }
    }
}

struct Open<'a> {
    rest: &'a [&'a Var],
    opened: RefCell<Vec<(Shared, usize)>>,
    with: &'a [f32],
    step: &'a Step<'a>,
}

impl InplaceOp1 for Open<'_> {
    fn name(&self) -> &'static str {
        "optimiser step"
    }
    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(data) = storage else { bail!("an optimiser step: f32 variables only") };
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("an optimiser step: contiguous variables only")
        };
        let data = &mut data[from..to];
        let mut opened = self.opened.take();
        opened.push((Shared::of(data), data.len()));
        open(self.rest, RefCell::new(opened), self.with, self.step)
    }
}

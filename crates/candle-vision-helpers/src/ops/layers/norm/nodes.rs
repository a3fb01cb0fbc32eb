//! Batch normalizations as operations with kernels on the CPU.

use crate::ops::cpu::{norm, norm_back, norm_gate::Gate};
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
};
use crate::ops::reduce::Reduce;
use crate::ops::shapes::Planes;
use candle_core::{Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// The kernels take the two numbers of each channel as one tensor: candle's graph has no node of four arguments.
pub(super) fn applied(f: impl Op<Cpu>, x: &Tensor, both: &[&Tensor; 2], residual: Option<&Tensor>) -> Result<Tensor> {
    let both = Tensor::cat(both, 0)?;
    match residual {
        Some(r) => apply::<Cpu, _>(f, &[x, &both, r]),
        None => apply::<Cpu, _>(f, &[x, &both]),
    }
}

/// `activation(gamma (x - mean) / sqrt(var + eps) + beta (+ residual))` for each channel, by the batch's statistics.
pub(super) struct Train {
    pub(super) planes: Planes,
    pub(super) eps: f64,
    pub(super) activation: Activation,
    /// Over the ranks whose batches are parts of one.
    pub(super) reduce: Option<Arc<dyn Reduce>>,
    pub(super) moments: Arc<OnceLock<norm::Moments>>,
}

impl Op<Cpu> for Train {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let pass = forward(self.planes, self.activation, args);
        let (y, moments) = match &self.reduce {
            None => pass.train(self.eps)?,
            Some(all) => pass.train_synced(self.eps, all.as_ref())?,
        };
        let _ = self.moments.set(moments);
        Ok((y, Shape::from(args[0].dims)))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        saves(wants, self.activation)
    }

    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let Some(moments) = self.moments.get() else {
            bail!("batch_norm_train: expected a forward pass before the backward one")
        };
        gradients(self.planes, self.activation, saved, &grad, Some(&moments.affine), |pass, both| {
            pass.train(both, moments, self.eps, self.reduce.as_deref())
        })
    }
}

/// `activation(scale x + shift (+ residual))` for each channel.
pub(super) struct Scale {
    pub(super) planes: Planes,
    pub(super) activation: Activation,
}

impl Op<Cpu> for Scale {
    fn name(&self) -> &'static str {
        "batch_norm_eval"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let y = forward(self.planes, self.activation, args).scale()?;
        Ok((y, Shape::from(args[0].dims)))
    }
    fn saves(&self, wants: &[bool]) -> Saves {
        saves(wants, self.activation)
    }
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        gradients(self.planes, self.activation, saved, &grad, None, |pass, both| pass.scale(both))
    }
}

fn forward<'a>(planes: Planes, activation: Activation, args: &[Arg<'a, Cpu>]) -> norm::Forward<'a> {
    let epilogue = Epilogue { bias: None, residual: args.get(2).map(|r| r.data), activation };
    norm::Forward { x: args[0].data, both: args[1].data, planes, epilogue }
}

/// Where an activation was open can be computed again from `x`, unless something was added in front of it: a result
/// that the next layer does not save then goes, as in front of a pooling.
fn saves(wants: &[bool], activation: Activation) -> Saves {
    Saves::args(&[true, true]).and_out(activation != Activation::None && wants.len() > 2)
}

/// The gradients of x, of the two numbers of each channel and of a residual that wants one. `affine` are the factors,
/// then shifts that `x` went through where they are not the second argument.
fn gradients(
    planes: Planes,
    activation: Activation,
    mut saved: Saved,
    grad: &Tensor,
    affine: Option<&[f32]>,
    pass: impl FnOnce(norm_back::Backward<'_>, &[f32]) -> Result<norm_back::Grads>,
) -> Result<Vec<Option<Tensor>>> {
    let (x, both) = (saved.take(0)?, saved.take(1)?);
    let out = (activation != Activation::None && saved.has(2)).then(|| saved.take_out()).transpose()?;
    let residual = saved.wants_grad(2);
    let read: Vec<&Tensor> = [&x, &both, grad].into_iter().chain(&out).collect();
    Cpu::read(&read, |_, a| {
        let gate = match a.get(3) {
            Some(out) => Gate::Result(out.data),
            None if activation == Activation::None => Gate::Open,
            None => Gate::Again(affine.unwrap_or(a[1].data)),
        };
        let ceiling = activation.ceiling();
        let backward = norm_back::Backward { x: a[0].data, dy: a[2].data, gate, ceiling, planes, residual };
        let g = pass(backward, a[1].data)?;
        Ok(vec![
            Some(tensor(g.dx, x.shape())),
            Some(tensor(g.both, both.shape())),
            g.residual.map(|r| tensor(r, x.shape())),
        ])
    })
}

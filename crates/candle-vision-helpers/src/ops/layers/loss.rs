//! The mean-squared error in one pass.

use super::sum::sum_all;
use crate::ops::cpu::elementwise;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{filled, shaped};
use candle_core::{Result, Shape, Tensor};

/// The mean over all elements of `weight (output - target)^2`, a scalar; `target` is shaped as `output`, `weight` (1
/// where absent) broadcasts to it.
///
/// # Errors
/// Shapes that do not fit, nothing to average; on the CPU, another type than f32.
pub fn mse_loss(output: &Tensor, target: &Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
    shaped("mse_loss", "target", output.dims(), target.dims())?;
    filled("mse_loss", "output", output.dims())?;
    if !output.device().is_cpu() {
        return composed(output, target, weight);
    }
    match weight {
        Some(w) => apply::<Cpu, _>(Mse, &[output, target, &w.broadcast_as(output.shape())?]),
        None => apply::<Cpu, _>(Mse, &[output, target]),
    }
}

pub(super) fn composed(output: &Tensor, target: &Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
    let squares = (input(output) - input(target))?.sqr()?;
    let weighted = match weight {
        Some(w) => squares.broadcast_mul(&input(w))?,
        None => squares,
    };
    sum_all(&weighted)? / weighted.elem_count() as f64
}

struct Mse;

impl Op<Cpu> for Mse {
    fn name(&self) -> &'static str {
        "mse_loss"
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let (o, t, w) = (args[0].data, args[1].data, args.get(2).map(|w| w.data));
        let sum = elementwise::sum_of(o.len(), |i| {
            let d = o[i] - t[i];
            w.map_or(1.0, |w| w[i]) * d * d
        });
        Ok((vec![(sum / o.len() as f64) as f32], Shape::from(())))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::args(&[true, true, wants.len() > 2])
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let mut tensors = vec![saved.take(0)?, saved.take(1)?, grad];
        if saved.has(2) {
            tensors.push(saved.take(2)?);
        }
        Cpu::read(&tensors.iter().collect::<Vec<_>>(), |_, a| {
            let (o, t, w) = (a[0].data, a[1].data, a.get(3).map(|w| w.data));
            let part = a[2].data[0] / o.len() as f32;
            let of = |f: &(dyn Fn(usize) -> f32 + Sync)| tensor(elementwise::from_fn(o.len(), f), saved.shape(0));
            let d = |i: usize| 2.0 * part * w.map_or(1.0, |w| w[i]) * (o[i] - t[i]);
            Ok(vec![
                saved.wants_grad(0).then(|| of(&d)),
                saved.wants_grad(1).then(|| of(&|i| -d(i))),
                saved.wants_grad(2).then(|| of(&|i| part * (o[i] - t[i]).powi(2))),
            ])
        })
    }
}

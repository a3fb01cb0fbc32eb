//! ReLU whose gradient at 0 is 0, as in PyTorch (candle's is 1), alone and at the end of a composition.

use crate::ops::cpu::elementwise;
use crate::ops::epilogue::Epilogue;
use crate::ops::graph::{
    node::{Op, apply},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use candle_core::{Result, Shape, Tensor};

/// `max(x, 0)` of any shape; the gradient at 0 is 0. NaN stays and lets gradients through, as in PyTorch, so that a
/// diverged network shows; the same holds for every ReLU inside another operation.
///
/// # Errors
/// On the CPU, another type than f32.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed(x);
    }
    apply::<Cpu, _>(Relu, &[x])
}

pub(super) fn composed(x: &Tensor) -> Result<Tensor> {
    let (x, zero) = (input(x), x.zeros_like()?);
    // not "above 0", which is false for NaN
    x.le(&zero)?.where_cond(&zero, &x)
}

/// The end of an operation whose kernels do not do it all: bias (shaped to broadcast), residual and ReLU.
pub(super) fn finished(y: Tensor, epilogue: Epilogue<Tensor>) -> Result<Tensor> {
    let y = match epilogue.bias {
        Some(b) => y.broadcast_add(&b)?,
        None => y,
    };
    let y = match epilogue.residual {
        Some(r) => (y + r)?,
        None => y,
    };
    if epilogue.relu { relu(&y) } else { Ok(y) }
}

struct Relu;

impl Op<Cpu> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        Ok((elementwise::relu(args[0].data)?, Shape::from(args[0].dims)))
    }
    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let dx = Cpu::read(&[out, grad], |_, a| elementwise::mask(a[0].data, a[1].data))?;
        Ok(vec![Some(tensor(dx, args[0].shape()))])
    }
}

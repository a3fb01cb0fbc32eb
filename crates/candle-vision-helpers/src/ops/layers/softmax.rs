//! Softmax over maps.

use crate::ops::cpu::softmax;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::maps;
use candle_core::{Result, Shape, Tensor};

/// The logarithm of the softmax over each map (all of H and W) of `x (B, K, H, W)`, same shape.
///
/// # Errors
/// Another rank, a size of zero; on the CPU, another type than f32.
pub fn log_softmax_maps(x: &Tensor) -> Result<Tensor> {
    let [_, _, h, w] = maps("log_softmax_maps", x)?;
    if !x.device().is_cpu() {
        return composed(x);
    }
    apply::<Cpu, _>(LogSoftmax { map: h * w }, &[x])
}

pub(super) fn composed(x: &Tensor) -> Result<Tensor> {
    let (b, k, h, w) = x.dims4()?;
    let flat = input(x).reshape((b * k, h * w))?;
    let shifted = flat.broadcast_sub(&flat.max_keepdim(1)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    shifted.broadcast_sub(&log_sum)?.reshape((b, k, h, w))
}

struct LogSoftmax {
    map: usize,
}

impl Op<Cpu> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax_maps"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        Ok((softmax::forward(args[0].data, self.map), Shape::from(args[0].dims)))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing().and_out(true)
    }
    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let out = saved.take_out()?;
        let dx = Cpu::read(&[&out, &grad], |_, a| Ok(softmax::backward(a[0].data, a[1].data, self.map)))?;
        Ok(vec![Some(tensor(dx, saved.shape(0)))])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU next to the kernels.
    use super::*;
    use crate::ops::layers::testing::same_values_and_gradients;

    #[test]
    fn composition_agrees_with_the_kernel() -> Result<()> {
        same_values_and_gradients(&[2, 3, 5, 4], log_softmax_maps, composed)
    }
}

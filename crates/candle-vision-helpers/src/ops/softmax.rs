//! Softmax over maps.

use super::cpu::softmax;
use super::node::{Arg, Function, apply, tensor, with_args};
use super::sizes::elements;
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};

/// The logarithm of the softmax over each map (all of H and W) of `x (B, K, H, W)`, same shape.
///
/// # Errors
/// Another rank, a size of zero; on the CPU, another type than f32.
pub fn log_softmax_maps(x: &Tensor) -> Result<Tensor> {
    let &[_, _, h, w] = x.dims() else { bail!("log_softmax_maps: the input must be (B, K, H, W), got {:?}", x.dims()) };
    if elements("log_softmax_maps", x.dims())? == 0 {
        bail!("log_softmax_maps: a size of zero: {:?}", x.dims());
    }
    if !x.device().is_cpu() {
        return composed(x);
    }
    apply(LogSoftmax { map: h * w }, &[x])
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

impl Function for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax_maps"
    }
    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        Ok((softmax::forward(args[0].data, self.map), Shape::from(args[0].dims)))
    }
    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let dx = with_args(&[out, grad], |a| Ok(softmax::backward(a[0].data, a[1].data, self.map)))?;
        Ok(vec![Some(tensor(dx, args[0].shape()))])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU beside the kernels.
    use super::*;
    use crate::ops::testing::same_values_and_gradients;

    #[test]
    fn composition_agrees_with_the_kernel() -> Result<()> {
        same_values_and_gradients(&[2, 3, 5, 4], log_softmax_maps, composed)
    }
}

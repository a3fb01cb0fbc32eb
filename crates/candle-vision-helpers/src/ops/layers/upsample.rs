//! Upsampling by two, nearest.

use crate::ops::cpu::upsample;
use crate::ops::graph::{
    node::{Op, apply},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{elements, length, maps};
use candle_core::{Result, Shape, Tensor};

/// Each pixel of `x (B, C, H, W)` four times: `(B, C, 2 H, 2 W)`.
///
/// # Errors
/// Another rank, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    let name = "upsample_nearest2";
    let [b, c, h, w] = maps(name, x)?;
    elements(name, &[b, c, length(name, "height", 0, 2, h)?, length(name, "width", 0, 2, w)?])?;
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return crate::ops::cuda::pool::nearest2(x);
    }
    if !x.device().is_cpu() {
        return composed(x);
    }
    apply::<Cpu, _>(Nearest { dims: [b, c, h, w] }, &[x])
}

pub(super) fn composed(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let wide = input(x).reshape((b, c, h, 1, w, 1))?.broadcast_as((b, c, h, 2, w, 2))?;
    wide.contiguous()?.reshape((b, c, 2 * h, 2 * w))
}

struct Nearest {
    dims: [usize; 4],
}

impl Op<Cpu> for Nearest {
    fn name(&self) -> &'static str {
        "upsample_nearest2"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let [b, c, h, w] = self.dims;
        Ok((upsample::forward(args[0].data, h, w), Shape::from((b, c, 2 * h, 2 * w))))
    }
    fn backward(&self, args: &[&Tensor], _: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [_, _, h, w] = self.dims;
        let dx = Cpu::read(&[grad], |_, a| Ok(upsample::backward(a[0].data, h, w)))?;
        Ok(vec![Some(tensor(dx, args[0].shape()))])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU next to the kernels.
    use super::*;
    use crate::ops::layers::testing::same_values_and_gradients;

    #[test]
    fn composition_agrees_with_the_kernel() -> Result<()> {
        for (h, w) in [(1, 1), (3, 4), (5, 2)] {
            same_values_and_gradients(&[2, 3, h, w], upsample_nearest2, composed)?;
        }
        Ok(())
    }
}

//! Upsampling by two, nearest, and a map added to the result.

use crate::ops::cpu::upsample;
use crate::ops::epilogue::Epilogue;
use crate::ops::frozen::trace;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{elements, length, maps, shaped};
use candle_core::{Result, Shape, Tensor};

/// Each pixel of `x (B, C, H, W)` four times: `(B, C, 2 H, 2 W)`.
///
/// # Errors
/// Another rank, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    let (dims, _) = sizes("upsample_nearest2", x)?;
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return crate::ops::cuda::pool::nearest2(x);
    }
    if !x.device().is_cpu() {
        return composed(x);
    }
    apply::<Cpu, _>(Nearest { dims }, &[x])
}

/// [`upsample_nearest2`] of `x (B, C, H, W)` plus `y (B, C, 2 H, 2 W)`: what networks that look at several sizes pass
/// from a smaller map to a larger one.
///
/// # Errors
/// As for [`upsample_nearest2`]; a `y` of another shape.
pub fn upsample_nearest2_add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let name = "upsample_nearest2_add";
    let (dims, larger) = sizes(name, x)?;
    shaped(name, "summand", &larger, y.dims())?;
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return crate::ops::cuda::pool::nearest2(x)? + input(y);
    }
    if !x.device().is_cpu() {
        return sum_composed(x, y);
    }
    let sum = apply::<Cpu, _>(NearestAdd { dims }, &[x, y])?;
    trace::note(|| trace::Kind::UpsampledSum, x, Epilogue { residual: Some(y), ..Epilogue::NONE }, &sum);
    Ok(sum)
}

/// The sizes of `x`, and those at twice its height and width.
fn sizes(name: &str, x: &Tensor) -> Result<([usize; 4], [usize; 4])> {
    let [b, c, h, w] = maps(name, x)?;
    let larger = [b, c, length(name, "height", 0, 2, h)?, length(name, "width", 0, 2, w)?];
    elements(name, &larger)?;
    Ok(([b, c, h, w], larger))
}

pub(super) fn sum_composed(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    composed(x)? + input(y)
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
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let [_, _, h, w] = self.dims;
        let dx = Cpu::read(&[&grad], |_, a| Ok(upsample::backward(a[0].data, h, w)))?;
        Ok(vec![Some(tensor(dx, saved.shape(0)))])
    }
}

struct NearestAdd {
    dims: [usize; 4],
}

impl Op<Cpu> for NearestAdd {
    fn name(&self) -> &'static str {
        "upsample_nearest2_add"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let [b, c, h, w] = self.dims;
        let mut sum = upsample::forward(args[0].data, h, w);
        upsample::add_to(&mut sum, args[1].data);
        Ok((sum, Shape::from((b, c, 2 * h, 2 * w))))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let [_, _, h, w] = self.dims;
        let dx = if saved.wants_grad(0) {
            let dx = Cpu::read(&[&grad], |_, a| Ok(upsample::backward(a[0].data, h, w)))?;
            Some(tensor(dx, saved.shape(0)))
        } else {
            None
        };
        Ok(vec![dx, saved.wants_grad(1).then_some(grad)])
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
            let with = |sum: fn(&Tensor, &Tensor) -> Result<Tensor>| move |x: &Tensor| sum(x, &composed(&x.sqr()?)?);
            same_values_and_gradients(&[2, 3, h, w], with(upsample_nearest2_add), with(sum_composed))?;
        }
        Ok(())
    }
}

//! Pooling.

use crate::ops::cpu::{elementwise, pool};
use crate::ops::epilogue::Epilogue;
use crate::ops::frozen::trace;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{Window, maps};
use candle_core::{Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// The largest value of each `kernel x kernel` window of `x (B, C, H, W)`: `(B, C, OH, OW)`, `OH = (H + 2 padding -
/// kernel) / stride + 1`. What is padded is below every number. A tie's gradient goes to the first maximum in row-major
/// order, as in PyTorch. NaN is above every number, and a window's last one gets the gradient.
///
/// # Errors
/// A size of zero, a kernel larger than the padded image, a padding above half the kernel (some window could be empty);
/// on the CPU, another type than f32.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    let window = Window::of("max_pool2d", x, kernel, stride, padding)?;
    let dims = [x.dim(0)?, x.dim(1)?];
    #[cfg(feature = "cuda")]
    if crate::ops::cuda::takes(x) {
        return crate::ops::cuda::pool::max_pool2d(x, window, dims);
    }
    if !x.device().is_cpu() {
        return composed(x, &window);
    }
    let y = apply::<Cpu, _>(MaxPool { window, dims, at: OnceLock::new() }, &[x])?;
    let Window { kernel, stride, padding, .. } = window;
    trace::note(|| trace::Kind::MaxPool { kernel, stride, padding }, x, Epilogue::NONE, &y);
    Ok(y)
}

struct MaxPool {
    window: Window,
    dims: [usize; 2],
    /// Where in its window each maximum was found.
    at: OnceLock<Vec<u8>>,
}

impl Op<Cpu> for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let (y, at) = pool::forward(&self.window, args[0].data)?;
        let _ = self.at.set(at);
        Ok((y, Shape::from((self.dims[0], self.dims[1], self.window.oh, self.window.ow))))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let Some(at) = self.at.get() else { bail!("max_pool2d: expected a forward pass before the backward one") };
        let dx = Cpu::read(&[&grad], |_, a| pool::backward(&self.window, a[0].data, at))?;
        Ok(vec![Some(tensor(dx, saved.shape(0)))])
    }
}

/// By candle's operations: the maximum over shifted views, from the last to the first so that a tie goes to the first,
/// and NaN to the last.
pub(super) fn composed(x: &Tensor, p: &Window) -> Result<Tensor> {
    let low = f64::from(f32::MIN);
    let pad = |t: &Tensor, dim: usize, after: usize| -> Result<Tensor> {
        let side = |n: usize| -> Result<Tensor> {
            let mut dims = t.dims().to_vec();
            dims[dim] = n;
            Tensor::zeros(dims, t.dtype(), t.device())?.affine(1.0, low)
        };
        Tensor::cat(&[&side(p.padding)?, t, &side(after)?], dim)
    };
    // enough behind the last window that every shifted view can be cut into whole strides
    let after = |len: usize, out: usize| (p.kernel - 1 + out * p.stride).saturating_sub(len + p.padding).max(p.padding);
    let x = pad(&pad(&input(x), 2, after(p.h, p.oh))?, 3, after(p.w, p.ow))?;
    let view = |i: usize, j: usize| -> Result<Tensor> {
        let (b, c, _, _) = x.dims4()?;
        x.narrow(2, i, p.oh * p.stride)?
            .narrow(3, j, p.ow * p.stride)?
            .contiguous()?
            .reshape((b, c, p.oh, p.stride, p.ow, p.stride))?
            .narrow(3, 0, 1)?
            .narrow(5, 0, 1)?
            .contiguous()?
            .reshape((b, c, p.oh, p.ow))
    };
    let mut best: Option<Tensor> = None;
    for tap in (0..p.kernel * p.kernel).rev() {
        let v = view(tap / p.kernel, tap % p.kernel)?;
        best = Some(match best {
            None => v,
            // a NaN is kept once it is found
            Some(b) => b.ne(&b)?.where_cond(&b, &v.lt(&b)?.where_cond(&b, &v)?)?,
        });
    }
    best.ok_or_else(|| candle_core::Error::Msg("max_pool2d: kernel: expected a positive number, got 0".into()))
}

pub(super) fn mean_composed(x: &Tensor) -> Result<Tensor> {
    input(x).flatten_from(2)?.mean(2)
}

/// The mean of each plane of `x (B, C, H, W)`: `(B, C)`.
///
/// # Errors
/// A size of zero, another rank; on the CPU, another type than f32.
pub fn avg_pool_global(x: &Tensor) -> Result<Tensor> {
    let [b, c, h, w] = maps("avg_pool_global", x)?;
    if !x.device().is_cpu() {
        return mean_composed(x);
    }
    apply::<Cpu, _>(AvgPool { dims: [b, c], plane: h * w }, &[x])
}

struct AvgPool {
    dims: [usize; 2],
    plane: usize,
}

impl Op<Cpu> for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool_global"
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let [b, c] = self.dims;
        let mut y = elementwise::channel_sums(args[0].data, b * c, self.plane);
        y.iter_mut().for_each(|y| *y /= self.plane as f32);
        Ok((y, Shape::from((b, c))))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }
    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let dx = Cpu::read(&[&grad], |_, a| Ok(pool::spread_mean(a[0].data, self.plane)))?;
        Ok(vec![Some(tensor(dx, saved.shape(0)))])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU next to the kernels.
    use super::*;
    use crate::ops::layers::testing::same_values_and_gradients;

    #[test]
    fn composition_agrees_with_the_kernel_ties_too() -> Result<()> {
        for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (5, 2, 2)] {
            for (h, w) in [(5, 8), (7, 6)] {
                let ours = |x: &Tensor| max_pool2d(&(x * 2.0)?.round()?, kernel, stride, padding);
                let out = |n: usize| (n + 2 * padding - kernel) / stride + 1;
                let window = Window { planes: 6, h, w, oh: out(h), ow: out(w), kernel, stride, padding };
                let plain = |x: &Tensor| composed(x, &window);
                // rounding has no gradient: the second run is for that
                same_values_and_gradients(&[2, 3, h, w], ours, |x| plain(&(x * 2.0)?.round()?))?;
                let rounded = |x: &Tensor| -> Result<Tensor> { x + ((x * 2.0)?.round()? - x)?.detach() };
                same_values_and_gradients(
                    &[2, 3, h, w],
                    |x| max_pool2d(&rounded(x)?, kernel, stride, padding),
                    |x| plain(&rounded(x)?),
                )?;
            }
        }
        Ok(())
    }
}

//! Twice the size.

use super::cpu::upsample;
use super::node::{Arg, Function, apply, tensor, with_args};
use super::sizes::{elements, length};
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};

/// Each pixel of `x (B, C, H, W)` four times: `(B, C, 2 H, 2 W)`.
///
/// # Errors
/// Another rank, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    check(x, "upsample_nearest2")?;
    #[cfg(feature = "cuda")]
    if super::cuda::takes(x) {
        return super::cuda::pool::nearest2(x);
    }
    if !x.device().is_cpu() {
        return nearest_composed(x);
    }
    apply(Upsample { bilinear: false }, &[x])
}

/// `x (B, C, H, W)` at twice the size, `(B, C, 2 H, 2 W)`, by linear interpolation along both axes; pixel centres lie
/// at halves (PyTorch's `align_corners=False`) and the border pixels reach outwards.
///
/// # Errors
/// Another rank, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn upsample_bilinear2(x: &Tensor) -> Result<Tensor> {
    check(x, "upsample_bilinear2")?;
    if !x.device().is_cpu() {
        return bilinear_composed(x);
    }
    apply(Upsample { bilinear: true }, &[x])
}

fn check(x: &Tensor, name: &str) -> Result<()> {
    let &[b, c, h, w] = x.dims() else { bail!("{name}: the input must be (B, C, H, W), got {:?}", x.dims()) };
    if elements(name, x.dims())? == 0 {
        bail!("{name}: a size of zero: {:?}", x.dims());
    }
    elements(name, &[b, c, length(name, "height", 0, 2, h)?, length(name, "width", 0, 2, w)?])?;
    Ok(())
}

pub(super) fn nearest_composed(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let wide = input(x).reshape((b, c, h, 1, w, 1))?.broadcast_as((b, c, h, 2, w, 2))?;
    wide.contiguous()?.reshape((b, c, 2 * h, 2 * w))
}

/// As two products with constant matrices, which are right and fast everywhere.
pub(super) fn bilinear_composed(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let matrix = |n: usize| -> Result<Tensor> {
        let mut m = vec![0f32; 2 * n * n];
        for i in 0..n {
            for (row, other) in [(2 * i, i.saturating_sub(1)), (2 * i + 1, (i + 1).min(n - 1))] {
                m[row * n + i] += 0.75;
                m[row * n + other] += 0.25;
            }
        }
        Tensor::from_vec(m, (2 * n, n), x.device())?.to_dtype(x.dtype())
    };
    let rows = matrix(h)?.broadcast_matmul(&input(x).reshape((b * c, h, w))?)?;
    rows.broadcast_matmul(&matrix(w)?.t()?)?.reshape((b, c, 2 * h, 2 * w))
}

struct Upsample {
    bilinear: bool,
}

impl Function for Upsample {
    fn name(&self) -> &'static str {
        if self.bilinear { "upsample_bilinear2" } else { "upsample_nearest2" }
    }
    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let &[b, c, h, w] = args[0].dims else { bail!("{}: rank", self.name()) };
        Ok((upsample::forward(args[0].data, h, w, self.bilinear), Shape::from((b, c, 2 * h, 2 * w))))
    }
    fn backward(&self, args: &[&Tensor], _: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let (_, _, h, w) = args[0].dims4()?;
        let dx = with_args(&[grad], |a| Ok(upsample::backward(a[0].data, h, w, self.bilinear)))?;
        Ok(vec![Some(tensor(dx, args[0].shape()))])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU beside the kernels.
    use super::*;
    use crate::ops::testing::same_values_and_gradients;

    #[test]
    fn compositions_agree_with_the_kernels() -> Result<()> {
        for (h, w) in [(1, 1), (3, 4), (5, 2)] {
            same_values_and_gradients(&[2, 3, h, w], upsample_nearest2, nearest_composed)?;
            same_values_and_gradients(&[2, 3, h, w], upsample_bilinear2, bilinear_composed)?;
        }
        Ok(())
    }
}

//! Batch normalisation, with a residual and ReLU in the same pass.

use super::cpu::{norm, norm_back};
use super::node::{Arg, Function, apply, tensor, wants_grad, with_args};
use super::sizes::elements;
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// What a normalisation by the batch's own statistics gives.
#[derive(Debug, Clone)]
pub struct BatchNormOut {
    /// The result, shaped as the input.
    pub y: Tensor,
    /// `(C)`: the batch's mean, detached, for the running statistics.
    pub mean: Tensor,
    /// `(C)`: the batch's unbiased variance, detached, for the running statistics.
    pub var: Tensor,
}

/// `y = relu?(gamma (x - mean) / sqrt(var + eps) + beta (+ residual))` with mean and (biased) variance of the batch,
/// for `x (B, C, H, W)` (or `(B, C)`), `gamma (C)`, `beta (C)` and `residual` shaped as `x`.
///
/// # Errors
/// Shapes that do not fit, fewer than two values a channel; on the CPU, another type than f32.
pub fn batch_norm_train(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<BatchNormOut> {
    let sizes = check("batch_norm_train", x, &[gamma, beta], residual)?;
    let count = sizes.b * sizes.plane;
    if count < 2 {
        bail!("batch_norm_train: a channel needs at least two values, got {count} in {:?}", x.dims());
    }
    #[cfg(feature = "cuda")]
    if super::cuda::takes(x) {
        let (y, mean, var) = super::cuda::norm::train(x, gamma, beta, eps, residual, relu, sizes)?;
        return Ok(BatchNormOut { y, mean, var });
    }
    if !x.device().is_cpu() {
        return train_composed(x, gamma, beta, eps, residual, relu, sizes);
    }
    let moments = Arc::new(OnceLock::new());
    let f = Train { sizes, eps, relu, moments: moments.clone() };
    let both = Tensor::cat(&[&input(gamma), &input(beta)], 0)?;
    let y = match residual {
        Some(r) => apply(f, &[x, &both, r])?,
        None => apply(f, &[x, &both])?,
    };
    let Some(norm::Moments { mean, var }) = moments.get() else { bail!("batch_norm_train: no statistics") };
    let unbiased = count as f32 / (count - 1) as f32;
    let var = var.iter().map(|v| v * unbiased).collect();
    Ok(BatchNormOut { y, mean: tensor(mean.clone(), sizes.c), var: tensor(var, sizes.c) })
}

/// As [`batch_norm_train`], with statistics given: evaluation, or training with frozen statistics. Differentiable in
/// all.
///
/// # Errors
/// Shapes that do not fit; on the CPU, another type than f32.
#[allow(clippy::too_many_arguments)]
pub fn batch_norm_eval(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    running_mean: &Tensor,
    running_var: &Tensor,
    eps: f64,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let sizes = check("batch_norm_eval", x, &[gamma, beta, running_mean, running_var], residual)?;
    let scale = (input(gamma) / (input(running_var) + eps)?.sqrt()?)?;
    let shift = (input(beta) - (input(running_mean) * &scale)?)?;
    #[cfg(feature = "cuda")]
    if super::cuda::takes(x) {
        let both = Tensor::cat(&[&scale, &shift], 0)?;
        return super::cuda::norm::scale(x, &both, residual, relu, sizes);
    }
    if !x.device().is_cpu() {
        return scale_composed(x, &scale, &shift, residual, relu);
    }
    let both = Tensor::cat(&[&scale, &shift], 0)?;
    let f = Scale { sizes, relu };
    match residual {
        Some(r) => apply(f, &[x, &both, r]),
        None => apply(f, &[x, &both]),
    }
}

/// The weights and bias of the convolution that does what the given one and a normalisation behind it do together, for
/// inference: `weight (O, C, KH, KW)` (or `(O, I)`), all else `(O)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn fold_batch_norm(
    weight: &Tensor,
    bias: Option<&Tensor>,
    gamma: &Tensor,
    beta: &Tensor,
    mean: &Tensor,
    var: &Tensor,
    eps: f64,
) -> Result<(Tensor, Tensor)> {
    let o = weight.dims().first().copied().unwrap_or(0);
    for t in [Some(gamma), Some(beta), Some(mean), Some(var), bias].into_iter().flatten() {
        if t.dims() != [o] {
            bail!("fold_batch_norm: ({o}) was expected beside weights {:?}, got {:?}", weight.dims(), t.dims());
        }
    }
    let scale = (input(gamma) / (input(var) + eps)?.sqrt()?)?;
    let mut ones = vec![1; weight.rank()];
    ones[0] = o;
    let weight = input(weight).broadcast_mul(&scale.reshape(ones)?)?;
    let mean = match bias {
        Some(b) => (input(mean) - input(b))?,
        None => input(mean),
    };
    Ok((weight, (input(beta) - (mean * scale)?)?))
}

fn check(name: &str, x: &Tensor, channels: &[&Tensor], residual: Option<&Tensor>) -> Result<norm::Sizes> {
    let &[b, c, ref rest @ ..] = x.dims() else { bail!("{name}: the input must be (B, C, H, W), got {:?}", x.dims()) };
    if elements(name, x.dims())? == 0 {
        bail!("{name}: a size of zero: {:?}", x.dims());
    }
    for t in channels {
        if t.dims() != [c] {
            bail!("{name}: parameters and statistics must be ({c}) for an input {:?}, got {:?}", x.dims(), t.dims());
        }
    }
    if let Some(r) = residual
        && r.dims() != x.dims()
    {
        bail!("{name}: the residual must be {:?}, as the input, got {:?}", x.dims(), r.dims());
    }
    Ok(norm::Sizes { b, c, plane: rest.iter().product() })
}

struct Train {
    sizes: norm::Sizes,
    eps: f64,
    relu: bool,
    moments: Arc<OnceLock<norm::Moments>>,
}

impl Function for Train {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }

    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let (x, both) = (args[0].data, args[1].data);
        let (y, moments) = norm::train(&self.sizes, x, both, self.eps, args.get(2).map(|r| r.data), self.relu)?;
        let _ = self.moments.set(moments);
        Ok((y, Shape::from(args[0].dims)))
    }

    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let Some(moments) = self.moments.get() else { bail!("batch_norm_train: backward before forward") };
        let residual = args.get(2).is_some_and(|r| wants_grad(r));
        with_args(&[args[0], args[1], out, grad], |a| {
            let gate = self.relu.then_some(a[2].data);
            let pass = norm_back::Backward { x: a[0].data, dy: a[3].data, gate, sizes: self.sizes, residual };
            let g = pass.train(a[1].data, moments, self.eps)?;
            Ok(named(g, args))
        })
    }
}

fn named(g: norm_back::Grads, args: &[&Tensor]) -> Vec<Option<Tensor>> {
    vec![
        Some(tensor(g.dx, args[0].shape())),
        Some(tensor(g.both, args[1].shape())),
        g.residual.map(|r| tensor(r, args[0].shape())),
    ]
}

/// `relu?(scale x + shift (+ residual))` a channel.
struct Scale {
    sizes: norm::Sizes,
    relu: bool,
}

impl Function for Scale {
    fn name(&self) -> &'static str {
        "batch_norm_eval"
    }
    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let y = norm::scale(&self.sizes, args[0].data, args[1].data, args.get(2).map(|r| r.data), self.relu)?;
        Ok((y, Shape::from(args[0].dims)))
    }
    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let residual = args.get(2).is_some_and(|r| wants_grad(r));
        with_args(&[args[0], args[1], out, grad], |a| {
            let gate = self.relu.then_some(a[2].data);
            let pass = norm_back::Backward { x: a[0].data, dy: a[3].data, gate, sizes: self.sizes, residual };
            Ok(named(pass.scale(a[1].data)?, args))
        })
    }
}

/// Shaped to broadcast over the channels of `(B, C, ..)`.
fn a_channel(t: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mut dims = vec![1; like.rank()];
    dims[1] = t.elem_count();
    t.reshape(dims)
}

pub(super) fn scale_composed(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let y = input(x).broadcast_mul(&a_channel(&input(scale), x)?)?.broadcast_add(&a_channel(&input(shift), x)?)?;
    let y = match residual {
        Some(r) => (y + input(r))?,
        None => y,
    };
    if relu { super::relu(&y) } else { Ok(y) }
}

pub(super) fn train_composed(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    residual: Option<&Tensor>,
    relu: bool,
    sizes: norm::Sizes,
) -> Result<BatchNormOut> {
    let norm::Sizes { b, c, plane } = sizes;
    let count = (b * plane) as f64;
    let flat = input(x).reshape((b, c, plane))?.transpose(0, 1)?.contiguous()?.reshape((c, b * plane))?;
    let mean = flat.mean(1)?;
    let var = flat.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let scale = (input(gamma) / (&var + eps)?.sqrt()?)?;
    let shift = (input(beta) - (&mean * &scale)?)?;
    let y = scale_composed(x, &scale, &shift, residual, relu)?;
    Ok(BatchNormOut { y, mean: mean.detach(), var: (var * (count / (count - 1.0)))?.detach() })
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU beside the kernels.
    use super::*;
    use crate::ops::testing::same_values_and_gradients;

    #[test]
    fn composition_agrees_with_the_kernel() -> Result<()> {
        let gamma = Tensor::new(&[0.5f32, -1.0, 2.0], &candle_core::Device::Cpu)?;
        let sizes = norm::Sizes { b: 2, c: 3, plane: 20 };
        let ours = |x: &Tensor| Ok(batch_norm_train(x, &gamma, &gamma, 1e-5, Some(x), true)?.y);
        let composed = |x: &Tensor| Ok(train_composed(x, &gamma, &gamma, 1e-5, Some(x), true, sizes)?.y);
        same_values_and_gradients(&[2, 3, 5, 4], ours, composed)
    }
}

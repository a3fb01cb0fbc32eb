//! Convolution.

use super::cpu::{conv::Sizes, conv_back::Finish, elementwise, memory};
use super::node::{Arg, Function, apply, tensor, wants_grad, with_args};
use super::sizes::{elements, length};
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};

/// How a convolution's kernel moves over the image, the same along both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvParams {
    /// Pixels from one place of the kernel to the next.
    pub stride: usize,
    /// Zeros put around the image, on each side.
    pub padding: usize,
    /// Pixels from one tap of the kernel to the next.
    pub dilation: usize,
    /// Parts that the channels are cut into; each part of the output sees its part of the input only.
    pub groups: usize,
}

impl Default for ConvParams {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}

/// The convolution (cross-correlation, as in PyTorch's `conv2d`) of `x (B, C, H, W)` with `weight (O, C / groups, KH,
/// KW)`, plus `bias (O)`, with ReLU on top where `relu` asks for it: `(B, O, OH, OW)`, `OH = (H + 2 padding - dilation
/// (KH - 1) - 1) / stride + 1`.
///
/// The gradient of the ReLU at 0 is 0. No gradient is computed for an input that is neither a variable nor tracked.
///
/// # Errors
/// A size of zero or beyond any memory, a kernel larger than the padded image, groups that do not divide the channels,
/// channels or a bias that do not fit the weights; on the CPU, another type than f32.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, p: ConvParams, relu: bool) -> Result<Tensor> {
    let sizes = check(x.dims(), weight.dims(), bias.map(Tensor::dims), p)?;
    #[cfg(feature = "cudnn")]
    if super::cuda::takes(x) {
        return super::cuda::conv::conv2d(x, weight, bias, sizes, relu);
    }
    if !x.device().is_cpu() {
        return composed(x, weight, bias, sizes.p, relu);
    }
    let f = Conv { sizes, relu };
    match bias {
        Some(b) => apply(f, &[x, weight, b]),
        None => apply(f, &[x, weight]),
    }
}

pub(super) fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    p: ConvParams,
    relu: bool,
) -> Result<Tensor> {
    let y = input(x).conv2d(&input(weight), p.padding, p.stride, p.dilation, p.groups)?;
    finished(y, bias, relu)
}

/// Adds a bias a channel, and ReLU, on devices whose convolution does neither.
pub(crate) fn finished(y: Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let y = match bias {
        Some(b) => y.broadcast_add(&input(b).reshape((1, b.elem_count(), 1, 1))?)?,
        None => y,
    };
    if relu { super::relu(&y) } else { Ok(y) }
}

/// The gradient in front of a fused ReLU, where there is one.
pub(crate) fn masked(relu: bool, out: &Tensor, grad: &Tensor) -> Result<Option<Vec<f32>>> {
    let mask = || with_args(&[out, grad], |a| elementwise::mask(a[0].data, a[1].data));
    relu.then(mask).transpose()
}

fn check(x: &[usize], weight: &[usize], bias: Option<&[usize]>, p: ConvParams) -> Result<Sizes> {
    let &[b, c, h, w] = x else { bail!("conv2d: the input must be (B, C, H, W), got {x:?}") };
    let &[o, cg, kh, kw] = weight else { bail!("conv2d: the weights must be (O, C / groups, KH, KW), got {weight:?}") };
    if p.stride == 0 || p.dilation == 0 || p.groups == 0 {
        bail!("conv2d: stride, dilation and groups must be positive, got {p:?}");
    }
    if x.contains(&0) || weight.contains(&0) {
        bail!("conv2d: a size of zero: input {x:?}, weights {weight:?}");
    }
    if !c.is_multiple_of(p.groups) || !o.is_multiple_of(p.groups) {
        bail!("conv2d: {} groups do not divide {c} input and {o} output channels", p.groups);
    }
    if cg != c / p.groups {
        bail!("conv2d: the input has {c} channels, {} a group, the weights {weight:?} take {cg}", c / p.groups);
    }
    if let Some(bias) = bias
        && bias != [o]
    {
        bail!("conv2d: the bias must be ({o}), got {bias:?}");
    }
    let padded = |axis: &str, len: usize| length("conv2d", axis, len, 2, p.padding);
    let out = |axis: &str, len: usize, k: usize| {
        let (padded, extent) = (padded(axis, len)?, length("conv2d", axis, 1, k - 1, p.dilation)?);
        if padded < extent {
            bail!(
                "conv2d: a kernel {extent} pixels in {axis} (dilation {}) is larger than the padded input of {padded}",
                p.dilation
            );
        }
        Ok((padded - extent) / p.stride + 1)
    };
    let (oh, ow) = (out("height", h, kh)?, out("width", w, kw)?);
    for dims in [x, weight, &[b, o, oh, ow]] {
        elements("conv2d", dims)?;
    }
    // a step that leaves the image is like any longer one
    let stride = p.stride.min(padded("height", h)?.max(padded("width", w)?));
    Ok(Sizes { b, c, h, w, o, kh, kw, oh, ow, p: ConvParams { stride, ..p } })
}

struct Conv {
    sizes: Sizes,
    relu: bool,
}

impl Function for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let s = &self.sizes;
        let shape = Shape::from((s.b, s.o, s.oh, s.ow));
        let bias = args.get(2).map(|b| b.data);
        // SAFETY: `forward` writes all of `y`; `check` made the sizes fit.
        let y = unsafe {
            memory::filled(shape.elem_count(), |y| s.forward(args[0].data, args[1].data, bias, self.relu, y))?
        };
        Ok((y, shape))
    }

    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let s = &self.sizes;
        let masked = masked(self.relu, out, grad)?;
        with_args(&[args[0], args[1], grad], |a| {
            let (x, weight) = (a[0].data, a[1].data);
            let dy = masked.as_deref().unwrap_or(a[2].data);
            let mut grads = vec![None, None, None];
            if wants_grad(args[1]) {
                // SAFETY: all of `dw` is written.
                let dw = unsafe { memory::filled(weight.len(), |dw| s.weight_grad(x, dy, dw))? };
                grads[1] = Some(tensor(dw, args[1].shape()));
            }
            if args.get(2).is_some_and(|b| wants_grad(b)) {
                grads[2] = Some(tensor(elementwise::channel_sums(dy, s.o, s.oh * s.ow), s.o));
            }
            if wants_grad(args[0]) {
                // SAFETY: all of `dx` is written.
                let dx = unsafe { memory::filled(x.len(), |dx| s.input_grad(weight, dy, Finish::default(), dx))? };
                grads[0] = Some(tensor(dx, args[0].shape()));
            }
            Ok(grads)
        })
    }
}

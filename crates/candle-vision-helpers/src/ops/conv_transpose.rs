//! Transposed convolution, and a convolution of a picture twice the size that never makes that picture.

use super::conv::{self, ConvParams};
use super::cpu::{conv::Sizes, conv_back::Finish, doubled, elementwise, memory};
use super::node::{Arg, Function, apply, tensor, wants_grad, with_args};
use super::sizes::{elements, length};
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};

/// The transposed convolution (PyTorch's `conv_transpose2d`) of `x (B, C, H, W)` with `weight (C, O / groups, KH, KW)`,
/// plus `bias (O)`, with ReLU on top where `relu` asks for it: `(B, O, OH, OW)`, `OH = (H - 1) stride - 2 padding +
/// dilation (KH - 1) + 1`. Without bias and ReLU it is the gradient of [`conv2d`](super::conv2d)'s input.
///
/// The gradient of the ReLU at 0 is 0. No gradient is computed for an input that is neither a variable nor tracked.
///
/// # Errors
/// A size of zero or beyond any memory, padding that leaves no output, groups that do not divide the channels, channels
/// or a bias that do not fit the weights; on the CPU, another type than f32; elsewhere, more than one group.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    p: ConvParams,
    relu: bool,
) -> Result<Tensor> {
    let sizes = check(x.dims(), weight.dims(), bias.map(Tensor::dims), p)?;
    if !x.device().is_cpu() {
        if p.groups > 1 {
            bail!("conv_transpose2d: one group only on {:?}, got {}", x.device().location(), p.groups);
        }
        return composed(x, weight, bias, sizes.p, relu);
    }
    applied(Transposed { sizes, relu, doubled: false }, x, weight, bias)
}

pub(super) fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    p: ConvParams,
    relu: bool,
) -> Result<Tensor> {
    let y = input(x).conv_transpose2d(&input(weight), p.padding, 0, p.stride, p.dilation)?;
    conv::finished(y, bias, relu)
}

/// The 3×3 convolution, padding 1, of [`upsample_nearest2`](super::upsample_nearest2) of `x (B, C, H, W)` with
/// `weight (O, C, 3, 3)`, plus `bias (O)` and perhaps ReLU: `(B, O, 2 H, 2 W)`.
///
/// Each pixel of the larger picture sees two by two different ones only, so that this is a transposed convolution with
/// 4×4 sums of the weights, at stride 2: 16 products a pixel of `x` where the convolution of the larger picture has 36.
///
/// # Errors
/// As for [`conv2d`](super::conv2d); weights that are not 3×3.
pub fn upsample_nearest2_conv3(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let (&[_, c, _, _], &[o, wc, 3, 3]) = (x.dims(), weight.dims()) else {
        bail!(
            "upsample_nearest2_conv3: expected (B, C, H, W) and weights (O, C, 3, 3), got {:?} and {:?}",
            x.dims(),
            weight.dims()
        )
    };
    if !x.device().is_cpu() {
        let p = ConvParams { padding: 1, ..ConvParams::default() };
        return super::conv2d(&super::upsample_nearest2(x)?, weight, bias, p, relu);
    }
    if c != wc {
        bail!("upsample_nearest2_conv3: the input has {c} channels, the weights {:?} take {wc}", weight.dims());
    }
    let p = ConvParams { stride: 2, padding: 1, ..ConvParams::default() };
    let sizes = check(x.dims(), &[c, o, 4, 4], bias.map(Tensor::dims), p)?;
    applied(Transposed { sizes, relu, doubled: true }, x, weight, bias)
}

fn applied(f: Transposed, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        Some(b) => apply(f, &[x, weight, b]),
        None => apply(f, &[x, weight]),
    }
}

/// The convolution that this is the transpose of: its input is our output.
fn check(x: &[usize], weight: &[usize], bias: Option<&[usize]>, p: ConvParams) -> Result<Sizes> {
    let &[b, c, h, w] = x else { bail!("conv_transpose2d: the input must be (B, C, H, W), got {x:?}") };
    let &[wc, og, kh, kw] = weight else {
        bail!("conv_transpose2d: the weights must be (C, O / groups, KH, KW), got {weight:?}")
    };
    if p.stride == 0 || p.dilation == 0 || p.groups == 0 {
        bail!("conv_transpose2d: stride, dilation and groups must be positive, got {p:?}");
    }
    if x.contains(&0) || weight.contains(&0) {
        bail!("conv_transpose2d: a size of zero: input {x:?}, weights {weight:?}");
    }
    if c != wc || !c.is_multiple_of(p.groups) {
        bail!("conv_transpose2d: the input has {c} channels in {} groups, the weights {weight:?} take {wc}", p.groups);
    }
    let o = elements("conv_transpose2d", &[og, p.groups])?;
    if let Some(bias) = bias
        && bias != [o]
    {
        bail!("conv_transpose2d: the bias must be ({o}), got {bias:?}");
    }
    let reach = |axis: &str, len: usize, k: usize| {
        length("conv_transpose2d", axis, length("conv_transpose2d", axis, 1, k - 1, p.dilation)?, len - 1, p.stride)
    };
    let (high, wide) = (reach("height", h, kh)?, reach("width", w, kw)?);
    let out = |axis: &str, reach: usize| match p.padding.checked_mul(2) {
        Some(cut) if cut < reach => Ok(reach - cut),
        _ => bail!("conv_transpose2d: padding {} leaves nothing of {reach} pixels in {axis}", p.padding),
    };
    let (oh, ow) = (out("height", high)?, out("width", wide)?);
    for dims in [x, weight, &[b, o, oh, ow]] {
        elements("conv_transpose2d", dims)?;
    }
    // only with one pixel along each axis can the step be longer, and then there is none
    let p = ConvParams { stride: p.stride.min(high.max(wide)), ..p };
    Ok(Sizes { b, c: o, h: oh, w: ow, o: c, kh, kw, oh: h, ow: w, p })
}

struct Transposed {
    sizes: Sizes,
    relu: bool,
    /// The weights are (O, C, 3, 3), of the picture twice the size.
    doubled: bool,
}

impl Transposed {
    fn with_weights<T>(&self, weight: &[f32], then: impl FnOnce(&[f32]) -> T) -> T {
        if self.doubled { then(&doubled::weights(weight, self.sizes.c, self.sizes.o)) } else { then(weight) }
    }
}

impl Function for Transposed {
    fn name(&self) -> &'static str {
        if self.doubled { "upsample_nearest2_conv3" } else { "conv_transpose2d" }
    }

    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let s = &self.sizes;
        let shape = Shape::from((s.b, s.c, s.h, s.w));
        let finish = Finish { bias: args.get(2).map(|b| b.data), relu: self.relu };
        // SAFETY: `input_grad` writes all of `y`; `check` made the sizes fit.
        let y = unsafe {
            memory::filled(shape.elem_count(), |y| {
                self.with_weights(args[1].data, |weight| s.input_grad(weight, args[0].data, finish, y))
            })?
        };
        Ok((y, shape))
    }

    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let s = &self.sizes;
        let masked = conv::masked(self.relu, out, grad)?;
        with_args(&[args[0], args[1], grad], |a| {
            let (x, weight) = (a[0].data, a[1].data);
            let dy = masked.as_deref().unwrap_or(a[2].data);
            let mut grads = vec![None, None, None];
            if wants_grad(args[1]) {
                // SAFETY: all of `dw` is written.
                let dw =
                    unsafe { memory::filled(s.o * (s.c / s.p.groups) * s.kh * s.kw, |dw| s.weight_grad(dy, x, dw))? };
                let dw = if self.doubled { doubled::weight_grad(&dw, s.c, s.o) } else { dw };
                grads[1] = Some(tensor(dw, args[1].shape()));
            }
            if args.get(2).is_some_and(|b| wants_grad(b)) {
                grads[2] = Some(tensor(elementwise::channel_sums(dy, s.c, s.h * s.w), s.c));
            }
            if wants_grad(args[0]) {
                // SAFETY: all of `dx` is written.
                let dx = unsafe {
                    memory::filled(x.len(), |dx| {
                        self.with_weights(weight, |weight| s.forward(dy, weight, None, false, dx))
                    })?
                };
                grads[0] = Some(tensor(dx, args[0].shape()));
            }
            Ok(grads)
        })
    }
}

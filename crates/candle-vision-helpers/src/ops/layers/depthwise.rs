//! Depthwise 3×3 convolution: what small networks are made of.

#[cfg(feature = "cudnn")]
use super::conv::conv2d;
use super::{
    activation::{finished, masked},
    conv::of_channels,
};
use crate::ops::counting;
use crate::ops::cpu::{depthwise::Depthwise, elementwise};
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::frozen::trace;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
#[cfg(feature = "cudnn")]
use crate::ops::shapes::ConvParams;
use crate::ops::shapes::{filled, length, shaped};
use candle_core::{Result, Shape, Tensor, bail};

/// The convolution of each channel of `x (B, C, H, W)` with a filter of its own, `weight (C, 1, 3, 3)`, the picture
/// framed by one pixel of zeros, plus `bias (C)`, with an activation on top: `(B, C, (H - 1) / stride + 1, (W - 1) /
/// stride + 1)`. It is PyTorch's `conv2d` with `padding=1` and `groups=C`.
///
/// No gradient is computed for an input that is neither a variable nor tracked.
///
/// # Errors
/// A size of zero or beyond any memory, a stride other than 1 and 2, weights or a bias that do not fit the channels; on
/// the CPU, another type than f32.
pub fn depthwise_conv3(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    activation: Activation,
) -> Result<Tensor> {
    let sizes = check(x.dims(), weight.dims(), bias.map(Tensor::dims), stride)?;
    #[cfg(feature = "cudnn")]
    if crate::ops::cuda::takes(x) {
        let p = ConvParams { stride, padding: 1, groups: sizes.c, ..ConvParams::default() };
        return conv2d(x, weight, p, Epilogue { bias, activation, ..Epilogue::NONE });
    }
    let (oh, ow) = sizes.out();
    counting::add(counting::of(&[weight.elem_count(), sizes.b, oh, ow]));
    if !x.device().is_cpu() {
        return composed(x, weight, bias, stride, activation);
    }
    let f = DepthwiseConv { sizes, activation };
    let y = match bias {
        Some(b) => apply::<Cpu, _>(f, &[x, weight, b])?,
        None => apply::<Cpu, _>(f, &[x, weight])?,
    };
    let epilogue = Epilogue { bias, activation, ..Epilogue::NONE };
    trace::note(|| trace::Kind::Depthwise(weight.clone(), stride), x, epilogue, &y);
    Ok(y)
}

pub(super) fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    activation: Activation,
) -> Result<Tensor> {
    // candle's gradient at a stride fails where height and width are not both odd or both even
    let whole = input(x).conv2d(&input(weight), 1, 1, 1, weight.dim(0)?)?;
    let y = if stride == 1 { whole } else { every_other(&every_other(&whole, 2)?, 3)? };
    finished(y, of_channels(Epilogue { bias, activation, ..Epilogue::NONE })?)
}

/// Every second row or column, from the first on.
fn every_other(x: &Tensor, axis: usize) -> Result<Tensor> {
    let kept: Vec<u32> = (0..u32::try_from(x.dim(axis)?).map_err(candle_core::Error::wrap)?).step_by(2).collect();
    let len = kept.len();
    x.index_select(&Tensor::from_vec(kept, len, x.device())?, axis)
}

fn check(x: &[usize], weight: &[usize], bias: Option<&[usize]>, stride: usize) -> Result<Depthwise> {
    let name = "depthwise_conv3";
    let &[b, c, h, w] = x else { bail!("{name}: input: expected (B, C, H, W), got {x:?}") };
    filled(name, "input", x)?;
    shaped(name, "weight", &[c, 1, 3, 3], weight)?;
    if let Some(bias) = bias {
        shaped(name, "bias", &[c], bias)?;
    }
    if !matches!(stride, 1 | 2) {
        bail!("{name}: stride: expected 1 or 2, got {stride}");
    }
    for (axis, len) in [("height", h), ("width", w)] {
        length(name, axis, len, 2, 1)?;
    }
    Ok(Depthwise { b, c, h, w, stride })
}

struct DepthwiseConv {
    sizes: Depthwise,
    activation: Activation,
}

impl Op<Cpu> for DepthwiseConv {
    fn name(&self) -> &'static str {
        "depthwise_conv3"
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let (s, (oh, ow)) = (&self.sizes, self.sizes.out());
        let y = s.forward(args[0].data, args[1].data, args.get(2).map(|b| b.data), self.activation)?;
        Ok((y, Shape::from((s.b, s.c, oh, ow))))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.activation != Activation::None)
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let (s, (oh, ow)) = (&self.sizes, self.sizes.out());
        counting::add(counting::of(&[saved.shape(1).elem_count(), s.b, oh, ow]) * saved.wanted());
        let dy = masked(self.activation, &mut saved, grad)?;
        let mut grads = vec![None, None, None];
        if saved.wants_grad(1) {
            let dw = Cpu::read(&[&saved.take(0)?, &dy], |_, a| s.weight_grad(a[0].data, a[1].data))?;
            grads[1] = Some(tensor(dw, saved.shape(1)));
        }
        if saved.wants_grad(2) {
            let db = Cpu::read(&[&dy], |_, a| Ok(elementwise::channel_sums(a[0].data, s.c, oh * ow)))?;
            grads[2] = Some(tensor(db, s.c));
        }
        if saved.wants_grad(0) {
            let dx = Cpu::read(&[&saved.take(1)?, &dy], |_, a| s.input_grad(a[0].data, a[1].data))?;
            grads[0] = Some(tensor(dx, saved.shape(0)));
        }
        Ok(grads)
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU beside the kernels.
    use super::*;
    use crate::ops::layers::testing::same_values_and_gradients;
    use candle_core::Device;

    #[test]
    fn compositions_agree_with_the_kernels() -> Result<()> {
        let values = |n: usize| (0..n).map(|i| (i as f32 * 0.9).cos() * 5.0).collect::<Vec<_>>();
        let weight = Tensor::from_vec(values(27), (3, 1, 3, 3), &Device::Cpu)?;
        let bias = Tensor::from_vec(values(3), 3, &Device::Cpu)?;
        for stride in [1, 2] {
            for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
                for (h, w) in [(5, 8), (6, 7), (1, 1)] {
                    same_values_and_gradients(
                        &[2, 3, h, w],
                        |x| depthwise_conv3(x, &weight, Some(&bias), stride, activation),
                        |x| composed(x, &weight, Some(&bias), stride, activation),
                    )?;
                }
            }
        }
        Ok(())
    }
}

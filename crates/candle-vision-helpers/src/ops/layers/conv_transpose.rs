//! Transposed convolution, and a convolution of a picture twice the size that never makes that picture.

use super::activation::{finished, masked};
use super::conv::{conv2d, of_channels, vectors};
use super::upsample::upsample_nearest2;
use crate::ops::counting;
use crate::ops::cpu::{conv as kernels, elementwise, simd::Vectors, uncleared::try_filled, upsampled_weights};
#[cfg(feature = "cudnn")]
use crate::ops::cuda::conv_transpose as cuda;
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::frozen::trace;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{ConvParams, ConvShape, shaped};
use candle_core::{Result, Shape, Tensor, bail};

/// The transposed convolution (PyTorch's `conv_transpose2d`) of `x (B, C, H, W)` with `weight (C, O / groups, KH, KW)`,
/// then the epilogue: `(B, O, OH, OW)`, `OH = (H - 1) stride - 2 padding + dilation (KH - 1) + 1`. Without an epilogue
/// it is the gradient of [`conv2d`]'s input.
///
/// No gradient is computed for an input that is neither a variable nor tracked.
///
/// # Errors
/// A size of zero or beyond any memory, padding that leaves no output, groups that do not divide the channels,
/// channels, a bias or a residual that do not fit the weights; on the CPU, another type than f32; elsewhere, but for
/// f32 by cuDNN, more than one group.
pub fn conv_transpose2d(x: &Tensor, weight: &Tensor, p: ConvParams, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let shape = ConvShape::transposed("conv_transpose2d", x.dims(), weight.dims(), epilogue.bias.map(Tensor::dims), p)?;
    #[cfg(feature = "cudnn")]
    if crate::ops::cuda::takes(x) {
        return on_cuda(x, weight, epilogue, |relu| cuda::Transposed { shape, relu, upsampled: false });
    }
    if !x.device().is_cpu() {
        if p.groups > 1 {
            bail!("conv_transpose2d: groups: expected 1 on {:?}, got {}", x.device().location(), p.groups);
        }
        return composed(x, weight, shape.p, epilogue);
    }
    applied(x, weight, epilogue, |activation, vectors| Transposed { shape, activation, upsampled: false, vectors })
}

pub(super) fn composed(x: &Tensor, weight: &Tensor, p: ConvParams, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let y = input(x).conv_transpose2d(&input(weight), p.padding, 0, p.stride, p.dilation)?;
    finished(y, of_channels(epilogue)?)
}

/// The 3×3 convolution, padding 1, of [`upsample_nearest2`] of `x (B, C, H, W)` with `weight (O, C, 3, 3)`, then the
/// epilogue: `(B, O, 2 H, 2 W)`.
///
/// Each pixel of the larger picture sees two by two different ones only, so that this is a transposed convolution with
/// 4×4 sums of the weights, at stride 2: 16 products for each pixel of `x` where the convolution of the larger picture
/// has 36.
///
/// # Errors
/// As for [`conv2d`]; weights that are not 3×3.
pub fn upsample_nearest2_conv3(x: &Tensor, weight: &Tensor, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let name = "upsample_nearest2_conv3";
    let &[_, c, _, _] = x.dims() else { bail!("{name}: input: expected (B, C, H, W), got {:?}", x.dims()) };
    let &[o, wc, 3, 3] = weight.dims() else { bail!("{name}: weight: expected (O, C, 3, 3), got {:?}", weight.dims()) };
    if c != wc {
        bail!("{name}: weight: expected (O, {c}, 3, 3) for {c} input channels, got {:?}", weight.dims());
    }
    let p = ConvParams { stride: 2, padding: 1, ..ConvParams::default() };
    let shape = ConvShape::transposed(name, x.dims(), &[c, o, 4, 4], epilogue.bias.map(Tensor::dims), p)?;
    #[cfg(feature = "cudnn")]
    if crate::ops::cuda::takes(x) {
        return on_cuda(x, weight, epilogue, |relu| cuda::Transposed { shape, relu, upsampled: true });
    }
    if !x.device().is_cpu() {
        let p = ConvParams { padding: 1, ..ConvParams::default() };
        return conv2d(&upsample_nearest2(x)?, weight, p, epilogue);
    }
    let y =
        applied(x, weight, epilogue, |activation, vectors| Transposed { shape, activation, upsampled: true, vectors })?;
    trace::note(|| trace::Kind::Doubled(weight.clone()), x, epilogue, &y);
    Ok(y)
}

/// As [`applied`], by cuDNN.
#[cfg(feature = "cudnn")]
fn on_cuda(
    x: &Tensor,
    weight: &Tensor,
    epilogue: Epilogue<&Tensor>,
    f: impl FnOnce(bool) -> cuda::Transposed,
) -> Result<Tensor> {
    let Epilogue { bias, residual, activation } = epilogue;
    let relu = residual.is_none() && activation == Activation::Relu;
    let f = f(relu);
    let s = &f.shape;
    counting::add(s.products());
    if let Some(r) = residual {
        shaped(f.name(), "residual", &[s.b, s.c, s.h, s.w], r.dims())?;
    }
    let y = f.apply(x, weight, bias)?;
    finished(y, Epilogue { bias: None, residual: residual.map(input), activation: activation.when(!relu) })
}

/// The kernels, which add no residual: it and the activation behind it are separate operations.
fn applied(
    x: &Tensor,
    weight: &Tensor,
    epilogue: Epilogue<&Tensor>,
    f: impl FnOnce(Activation, Vectors) -> Transposed,
) -> Result<Tensor> {
    let Epilogue { bias, residual, activation } = epilogue;
    let f = f(activation.when(residual.is_none()), vectors(&[Some(x), Some(weight), bias]));
    let s = &f.shape;
    counting::add(s.products());
    if let Some(r) = residual {
        shaped(f.name(), "residual", &[s.b, s.c, s.h, s.w], r.dims())?;
    }
    let y = match bias {
        Some(b) => apply::<Cpu, _>(f, &[x, weight, b])?,
        None => apply::<Cpu, _>(f, &[x, weight])?,
    };
    match residual {
        Some(r) => finished(y, Epilogue { bias: None, residual: Some(input(r)), activation }),
        None => Ok(y),
    }
}

struct Transposed {
    /// The convolution that this is the transpose of.
    shape: ConvShape,
    activation: Activation,
    /// Whether the weights are (O, C, 3, 3), of the picture twice the size.
    upsampled: bool,
    /// Those of the forward pass.
    vectors: Vectors,
}

impl Transposed {
    fn with_weights<T>(&self, weight: &[f32], then: impl FnOnce(&[f32]) -> T) -> T {
        if self.upsampled { then(&upsampled_weights::sums(weight, self.shape.c, self.shape.o)) } else { then(weight) }
    }
}

impl Op<Cpu> for Transposed {
    fn name(&self) -> &'static str {
        if self.upsampled { "upsample_nearest2_conv3" } else { "conv_transpose2d" }
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let s = &self.shape;
        let shape = Shape::from((s.b, s.c, s.h, s.w));
        let epilogue = Epilogue { bias: args.get(2).map(|b| b.data), residual: None, activation: self.activation };
        // SAFETY: `input_grad` writes all of `y`; the shape was checked.
        let y = unsafe {
            try_filled(shape.elem_count(), |y| {
                self.with_weights(args[1].data, |weight| {
                    kernels::input_grad(self.vectors, s, weight, args[0].data, epilogue, y)
                })
            })?
        };
        Ok((y, shape))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.activation != Activation::None)
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let s = &self.shape;
        counting::add(s.products() * saved.wanted());
        let dy = masked(self.activation, &mut saved, grad)?;
        let mut grads = vec![None, None, None];
        if saved.wants_grad(1) {
            let dw = Cpu::read(&[&saved.take(0)?, &dy], |_, a| {
                // SAFETY: all of `dw` is written.
                unsafe { try_filled(s.weights(), |dw| kernels::weight_grad(s, a[1].data, a[0].data, dw)) }
            })?;
            let dw = if self.upsampled { upsampled_weights::gradient(&dw, s.c, s.o) } else { dw };
            grads[1] = Some(tensor(dw, saved.shape(1)));
        }
        if saved.wants_grad(2) {
            let db = Cpu::read(&[&dy], |_, a| Ok(elementwise::channel_sums(a[0].data, s.c, s.in_plane())))?;
            grads[2] = Some(tensor(db, s.c));
        }
        if saved.wants_grad(0) {
            let shape = saved.shape(0);
            let dx = Cpu::read(&[&saved.take(1)?, &dy], |_, a| {
                self.with_weights(a[0].data, |weight| {
                    // SAFETY: all of `dx` is written.
                    unsafe {
                        try_filled(shape.elem_count(), |dx| {
                            kernels::forward(Vectors::in_use(), s, a[1].data, weight, Epilogue::NONE, dx)
                        })
                    }
                })
            })?;
            grads[0] = Some(tensor(dx, shape));
        }
        Ok(grads)
    }
}

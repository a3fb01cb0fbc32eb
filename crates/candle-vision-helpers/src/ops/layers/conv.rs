//! Convolution.

use super::activation::{finished, masked};
use crate::ops::counting;
use crate::ops::cpu::{conv as kernels, elementwise, simd::Vectors, uncleared::try_filled};
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::frozen::trace;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor, wants_grad},
    tape::{input, is_off},
};
use crate::ops::shapes::{ConvParams, ConvShape, shaped};
use candle_core::{Result, Shape, Tensor};

/// The convolution (cross-correlation, as in PyTorch's `conv2d`) of `x (B, C, H, W)` with `weight (O, C / groups, KH,
/// KW)`, then the epilogue: `(B, O, OH, OW)`, `OH = (H + 2 padding - dilation (KH - 1) - 1) / stride + 1`.
///
/// No gradient is computed for an input that is neither a variable nor tracked.
///
/// # Errors
/// A size of zero or beyond any memory, a kernel larger than the padded image, groups that do not divide the channels,
/// channels, a bias or a residual that do not fit the weights; on the CPU, another type than f32.
pub fn conv2d(x: &Tensor, weight: &Tensor, p: ConvParams, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let Epilogue { bias, residual, activation } = epilogue;
    let shape = ConvShape::forward(x.dims(), weight.dims(), bias.map(Tensor::dims), p)?;
    if let Some(r) = residual {
        shaped("conv2d", "residual", &[shape.b, shape.o, shape.oh, shape.ow], r.dims())?;
    }
    // the kernels' backward passes know of no residual
    let fused = residual.is_none() || x.device().is_cpu() && is_detached(&[Some(x), Some(weight), bias, residual]);
    if !fused {
        let y = conv2d(x, weight, p, Epilogue { bias, ..Epilogue::NONE })?;
        return finished(y, Epilogue { bias: None, residual: residual.map(input), activation });
    }
    counting::add(shape.products());
    #[cfg(feature = "cudnn")]
    if crate::ops::cuda::takes(x) {
        let y = crate::ops::cuda::conv::conv2d(x, weight, bias, shape, activation == Activation::Relu)?;
        return finished(y, Epilogue { activation: activation.beyond_relu(), ..Epilogue::NONE });
    }
    if !x.device().is_cpu() {
        return composed(x, weight, shape.p, epilogue);
    }
    let f =
        Conv { shape, bias: bias.is_some(), activation, vectors: vectors(&[Some(x), Some(weight), bias, residual]) };
    let args: Vec<&Tensor> = [Some(x), Some(weight), bias, residual].into_iter().flatten().collect();
    let y = apply::<Cpu, _>(f, &args)?;
    trace::note(|| trace::Kind::Conv(weight.clone(), shape.p), x, epilogue, &y);
    Ok(y)
}

/// What an operation on these runs with: bf16 is for training, so that predictions never depend on the precision.
pub(super) fn vectors(tensors: &[Option<&Tensor>]) -> Vectors {
    let vectors = Vectors::in_use();
    if is_detached(tensors) { vectors.exact() } else { vectors }
}

/// Whether no gradient of any of these is wanted.
fn is_detached(tensors: &[Option<&Tensor>]) -> bool {
    is_off() || !tensors.iter().flatten().any(|t| wants_grad(t))
}

pub(super) fn composed(x: &Tensor, weight: &Tensor, p: ConvParams, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let y = input(x).conv2d(&input(weight), p.padding, p.stride, p.dilation, p.groups)?;
    finished(y, of_channels(epilogue)?)
}

/// An epilogue whose bias is shaped to broadcast over maps.
pub(super) fn of_channels(epilogue: Epilogue<&Tensor>) -> Result<Epilogue<Tensor>> {
    let bias = epilogue.bias.map(|b| input(b).reshape((1, b.elem_count(), 1, 1))).transpose()?;
    Ok(Epilogue { bias, residual: epilogue.residual.map(input), activation: epilogue.activation })
}

/// Arguments: `x`, `weight`, then a bias where there is one, then a residual where there is one.
struct Conv {
    shape: ConvShape,
    bias: bool,
    activation: Activation,
    /// Those of the forward pass.
    vectors: Vectors,
}

impl Op<Cpu> for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let s = &self.shape;
        let shape = Shape::from((s.b, s.o, s.oh, s.ow));
        let (bias, residual) = args[2..].split_at(usize::from(self.bias));
        let epilogue =
            Epilogue { bias: bias.first(), residual: residual.first(), activation: self.activation }.map(|a| a.data);
        // SAFETY: `forward` writes all of `y`; the shape was checked.
        let y = unsafe {
            try_filled(shape.elem_count(), |y| {
                kernels::forward(self.vectors, s, args[0].data, args[1].data, epilogue, y)
            })?
        };
        Ok((y, shape))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.activation != Activation::None)
    }

    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        self.gradients(saved, grad, None)
    }

    /// Adds to the input's gradient while it is stored: where a shortcut begins, another one is already there.
    fn backward_onto(&self, saved: Saved, grad: Tensor, so_far: &mut [Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        let before = so_far.first_mut().and_then(Option::take).map(|before| before.contiguous()).transpose()?;
        self.gradients(saved, grad, before)
    }
}

impl Conv {
    fn gradients(&self, mut saved: Saved, grad: Tensor, before: Option<Tensor>) -> Result<Vec<Option<Tensor>>> {
        let s = &self.shape;
        counting::add(s.products() * saved.wanted());
        let dy = masked(self.activation, &mut saved, grad)?;
        let mut grads = vec![None, None, None];
        if saved.wants_grad(1) {
            let dw = Cpu::read(&[&saved.take(0)?, &dy], |_, a| {
                // SAFETY: all of `dw` is written.
                unsafe { try_filled(s.weights(), |dw| kernels::weight_grad(s, a[0].data, a[1].data, dw)) }
            })?;
            grads[1] = Some(tensor(dw, saved.shape(1)));
        }
        if saved.wants_grad(2) {
            let db = Cpu::read(&[&dy], |_, a| Ok(elementwise::channel_sums(a[0].data, s.o, s.out_plane())))?;
            grads[2] = Some(tensor(db, s.o));
        }
        if saved.wants_grad(0) {
            let (weight, shape) = (saved.take(1)?, saved.shape(0));
            let read: Vec<&Tensor> = [&weight, &dy].into_iter().chain(&before).collect();
            let dx = Cpu::read(&read, |_, a| {
                let onto = Epilogue { residual: a.get(2).map(|before| before.data), ..Epilogue::NONE };
                // SAFETY: all of `dx` is written.
                unsafe {
                    try_filled(shape.elem_count(), |dx| {
                        kernels::input_grad(Vectors::in_use(), s, a[0].data, a[1].data, onto, dx)
                    })
                }
            })?;
            grads[0] = Some(tensor(dx, shape));
        }
        Ok(grads)
    }
}

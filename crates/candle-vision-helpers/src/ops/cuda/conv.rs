//! Convolution through cuDNN, and what stands around it.

use super::cudnn;
use super::launch::{Maybe, count, elementwise, empty, launch};
use super::norm_back::bias_grad;
use super::storage::Cuda;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend},
};
use crate::ops::shapes::{ConvShape, Planes};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, Shape, Tensor};

/// As [`conv2d`](crate::ops::conv2d) after its checks.
pub(crate) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    shape: ConvShape,
    relu: bool,
) -> Result<Tensor> {
    let f = Conv { shape, relu };
    match bias {
        Some(b) => apply::<Cuda, _>(f, &[x, weight, b]),
        None => apply::<Cuda, _>(f, &[x, weight]),
    }
}

struct Conv {
    shape: ConvShape,
    relu: bool,
}

impl Conv {
    /// The output as a batch of planes.
    fn planes(&self) -> Planes {
        Planes { b: self.shape.b, c: self.shape.o, plane: self.shape.out_plane() }
    }
}

impl Op<Cuda> for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let s = &self.shape;
        let mut y = cudnn::forward(dev, s, &args[0].data, &args[1].data)?;
        finish(dev, &mut y, &self.planes(), args.get(2).map(|b| &b.data), self.relu)?;
        Ok((y, Shape::from((s.b, s.o, s.oh, s.ow))))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.relu)
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let dy = match self.relu {
            true => relu_masked(&saved.take_out()?, &grad)?,
            false => grad,
        };
        let mut grads = vec![None, None, None];
        if saved.wants_grad(1) {
            let shape = saved.shape(1);
            grads[1] = Some(Cuda::read(&[&saved.take(0)?, &dy], |dev, a| {
                Ok(Cuda::tensor(cudnn::weight_grad(dev, &self.shape, &a[0].data, &a[1].data)?, shape, dev))
            })?);
        }
        if saved.wants_grad(2) {
            grads[2] = Some(Cuda::read(&[&dy], |dev, a| bias_grad(dev, &a[0].data, &self.planes()))?);
        }
        if saved.wants_grad(0) {
            let shape = saved.shape(0);
            grads[0] = Some(Cuda::read(&[&saved.take(1)?, &dy], |dev, a| {
                Ok(Cuda::tensor(cudnn::input_grad(dev, &self.shape, &a[0].data, &a[1].data)?, shape, dev))
            })?);
        }
        Ok(grads)
    }
}

/// `y = relu?(y + bias?)` in place.
pub(super) fn finish(
    dev: &CudaDevice,
    y: &mut CudaSlice<f32>,
    planes: &Planes,
    bias: Option<&CudaView<'_, f32>>,
    relu: bool,
) -> Result<()> {
    if bias.is_some() || relu {
        let len = planes.b * planes.c * planes.plane;
        let (channels, plane, n, relu) = (count(planes.c)?, count(planes.plane)?, len as u64, u32::from(relu));
        // SAFETY: the kernel's arguments; y has `len` elements, the bias one per channel.
        unsafe { launch!(dev, "bias_relu", elementwise(len), y, Maybe(bias), &channels, &plane, &n, &relu) }
    }
    Ok(())
}

/// The gradient in front of a ReLU that gave `out`.
pub(super) fn relu_masked(out: &Tensor, grad: &Tensor) -> Result<Tensor> {
    Cuda::read(&[out, grad], |dev, a| {
        let len = out.elem_count();
        let (mut g, n, out, dy) = (empty::<f32>(dev, len)?, len as u64, &a[0].data, &a[1].data);
        // SAFETY: the kernel's arguments; all have `len` elements.
        unsafe { launch!(dev, "relu_mask", elementwise(len), out, dy, &mut g, &n) }
        Ok(Cuda::tensor(g, grad.shape(), dev))
    })
}

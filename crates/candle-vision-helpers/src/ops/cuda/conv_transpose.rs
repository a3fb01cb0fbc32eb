//! Transposed convolution, and the convolution of maps twice the size, as cuDNN's gradient of an input.

use super::conv::{finish, relu_masked};
use super::cudnn;
use super::launch::{count, elementwise, empty, launch};
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

/// A transposed convolution, after its checks.
pub(crate) struct Transposed {
    /// The convolution that this is the transpose of.
    pub shape: ConvShape,
    pub relu: bool,
    /// Whether the weights are (O, C, 3, 3), of maps twice the size.
    pub upsampled: bool,
}

impl Transposed {
    /// As [`conv_transpose2d`](crate::ops::conv_transpose2d) or
    /// [`upsample_nearest2_conv3`](crate::ops::upsample_nearest2_conv3).
    pub(crate) fn apply(self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        match bias {
            Some(b) => apply::<Cuda, _>(self, &[x, weight, b]),
            None => apply::<Cuda, _>(self, &[x, weight]),
        }
    }

    /// The result as a batch of planes.
    fn planes(&self) -> Planes {
        Planes { b: self.shape.b, c: self.shape.c, plane: self.shape.in_plane() }
    }

    fn with_weights<T>(
        &self,
        dev: &CudaDevice,
        weight: &CudaView<'_, f32>,
        then: impl FnOnce(&CudaView<'_, f32>) -> Result<T>,
    ) -> Result<T> {
        if !self.upsampled {
            return then(weight);
        }
        let s = &self.shape;
        let len = s.weights();
        let (mut sums, n, o, c) = (empty::<f32>(dev, len)?, len as u64, count(s.c)?, count(s.o)?);
        // SAFETY: the kernel's arguments; the sums have `len` elements, 16 for each 9 of the weights.
        unsafe { launch!(dev, "upsampled_weights", elementwise(len), weight, &mut sums, &n, &o, &c) }
        then(&sums.as_view())
    }

    /// The gradient of the weights from that of the sums of them which were used.
    fn folded(&self, dev: &CudaDevice, sums: CudaSlice<f32>) -> Result<CudaSlice<f32>> {
        if !self.upsampled {
            return Ok(sums);
        }
        let s = &self.shape;
        let len = s.c * s.o * 9;
        let (mut dw, n, o, c) = (empty::<f32>(dev, len)?, len as u64, count(s.c)?, count(s.o)?);
        // SAFETY: as above, the other way round.
        unsafe { launch!(dev, "upsampled_weights_back", elementwise(len), &sums, &mut dw, &n, &o, &c) }
        Ok(dw)
    }
}

impl Op<Cuda> for Transposed {
    fn name(&self) -> &'static str {
        if self.upsampled { "upsample_nearest2_conv3" } else { "conv_transpose2d" }
    }

    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let s = &self.shape;
        let mut y = self.with_weights(dev, &args[1].data, |w| cudnn::input_grad(dev, s, w, &args[0].data))?;
        finish(dev, &mut y, &self.planes(), args.get(2).map(|b| &b.data), self.relu)?;
        Ok((y, Shape::from((s.b, s.c, s.h, s.w))))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.relu)
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let s = &self.shape;
        let dy = match self.relu {
            true => relu_masked(&saved.take_out()?, &grad)?,
            false => grad,
        };
        let mut grads = vec![None, None, None];
        if saved.wants_grad(1) {
            let shape = saved.shape(1);
            grads[1] = Some(Cuda::read(&[&saved.take(0)?, &dy], |dev, a| {
                let dw = self.folded(dev, cudnn::weight_grad(dev, s, &a[1].data, &a[0].data)?)?;
                Ok(Cuda::tensor(dw, shape, dev))
            })?);
        }
        if saved.wants_grad(2) {
            grads[2] = Some(Cuda::read(&[&dy], |dev, a| bias_grad(dev, &a[0].data, &self.planes()))?);
        }
        if saved.wants_grad(0) {
            let shape = saved.shape(0);
            grads[0] = Some(Cuda::read(&[&saved.take(1)?, &dy], |dev, a| {
                let dx = self.with_weights(dev, &a[0].data, |w| cudnn::forward(dev, s, &a[1].data, w))?;
                Ok(Cuda::tensor(dx, shape, dev))
            })?);
        }
        Ok(grads)
    }
}

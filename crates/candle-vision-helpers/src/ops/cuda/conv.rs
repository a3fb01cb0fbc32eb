//! Convolution and both its gradients through cuDNN.

use super::launch::{Maybe, count, elementwise, empty, launch};
use super::norm_back::bias_grad;
use super::storage::Cuda;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend},
};
use crate::ops::precision::{Precision, precision};
use crate::ops::shapes::{ConvShape, Planes};
use candle_core::cuda_backend::DeviceId;
use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t, cudnnConvolutionBwdFilterAlgo_t, cudnnConvolutionFwdAlgo_t, cudnnConvolutionMode_t,
    cudnnMathType_t, cudnnTensorFormat_t::CUDNN_TENSOR_NCHW,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, FilterDescriptor, TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, Shape, Tensor, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

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

/// What decides which algorithm is the best: the sizes (input, weights, stride, padding, dilation, groups) and whether
/// TF32 may be used.
type Key = (DeviceId, [usize; 11], bool);

/// An algorithm and the bytes that it works in.
type Plan<A> = (A, usize);

/// cuDNN's handles belong to a thread. Choosing an algorithm costs more than launching it, so choices are kept.
#[derive(Default)]
struct Cache {
    handles: HashMap<DeviceId, Arc<Cudnn>>,
    forward: HashMap<Key, Plan<cudnnConvolutionFwdAlgo_t>>,
    data: HashMap<Key, Plan<cudnnConvolutionBwdDataAlgo_t>>,
    filter: HashMap<Key, Plan<cudnnConvolutionBwdFilterAlgo_t>>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// The descriptors of a convolution.
struct Described {
    conv: ConvDescriptor<f32>,
    x: TensorDescriptor<f32>,
    weight: FilterDescriptor<f32>,
    y: TensorDescriptor<f32>,
}

fn tf32() -> bool {
    precision() != Precision::F32
}

struct Conv {
    shape: ConvShape,
    relu: bool,
}

impl Conv {
    fn key(&self, dev: &CudaDevice) -> Key {
        let s = &self.shape;
        let p = s.p;
        (dev.id(), [s.b, s.c, s.h, s.w, s.o, s.kh, s.kw, p.stride, p.padding, p.dilation, p.groups], tf32())
    }

    fn described(&self, dev: &CudaDevice) -> Result<Described> {
        let s = &self.shape;
        let p = s.p;
        let int = |n: usize| match i32::try_from(n) {
            Ok(n) => Ok(n),
            Err(_) => bail!("conv2d: expected sizes that cuDNN counts in 31 bits, got {n}"),
        };
        let four = |n: [usize; 4]| -> Result<[i32; 4]> { Ok([int(n[0])?, int(n[1])?, int(n[2])?, int(n[3])?]) };
        let cudnn = CACHE.with_borrow_mut(|cache| -> Result<Arc<Cudnn>> {
            if let Some(handle) = cache.handles.get(&dev.id()) {
                return Ok(handle.clone());
            }
            let handle = Cudnn::new(dev.cuda_stream())?;
            cache.handles.insert(dev.id(), handle.clone());
            Ok(handle)
        })?;
        let (padding, stride, dilation) = (int(p.padding)?, int(p.stride)?, int(p.dilation)?);
        let mode = cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let mut conv = cudnn.create_conv2d::<f32>([padding, padding], [stride, stride], [dilation, dilation], mode)?;
        conv.set_group_count(int(p.groups)?)?;
        // the default lets Ampere and newer take TF32
        conv.set_math_type(match tf32() {
            true => cudnnMathType_t::CUDNN_DEFAULT_MATH,
            false => cudnnMathType_t::CUDNN_FMA_MATH,
        })?;
        Ok(Described {
            conv,
            x: cudnn.create_4d_tensor(CUDNN_TENSOR_NCHW, four([s.b, s.c, s.h, s.w])?)?,
            weight: cudnn.create_4d_filter(CUDNN_TENSOR_NCHW, four([s.o, s.c / p.groups, s.kh, s.kw])?)?,
            y: cudnn.create_4d_tensor(CUDNN_TENSOR_NCHW, four([s.b, s.o, s.oh, s.ow])?)?,
        })
    }

    /// The output as a batch of planes.
    fn planes(&self) -> Planes {
        Planes { b: self.shape.b, c: self.shape.o, plane: self.shape.out_plane() }
    }

    fn convolve(&self, dev: &CudaDevice, x: &CudaView<'_, f32>, w: &CudaView<'_, f32>) -> Result<CudaSlice<f32>> {
        let (d, s) = (self.described(dev)?, &self.shape);
        let op = ConvForward { conv: &d.conv, x: &d.x, w: &d.weight, y: &d.y };
        let choose = || -> Result<_> {
            let algorithm = op.pick_algorithm()?;
            Ok((algorithm, op.get_workspace_size(algorithm)?))
        };
        let (algorithm, bytes) = planned(|c| &mut c.forward, self.key(dev), choose)?;
        let (mut y, mut room) = (empty::<f32>(dev, s.b * s.o * s.oh * s.ow)?, room(dev, bytes)?);
        // SAFETY: the tensors are as described; with beta 0 all of `y` is written.
        unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), x, w, &mut y)? };
        Ok(y)
    }

    fn input_grad(&self, dev: &CudaDevice, w: &CudaView<'_, f32>, dy: &CudaView<'_, f32>) -> Result<CudaSlice<f32>> {
        let (d, s) = (self.described(dev)?, &self.shape);
        let op = ConvBackwardData { conv: &d.conv, dx: &d.x, w: &d.weight, dy: &d.y };
        let choose = || -> Result<_> {
            let algorithm = op.pick_algorithm()?;
            Ok((algorithm, op.get_workspace_size(algorithm)?))
        };
        let (algorithm, bytes) = planned(|c| &mut c.data, self.key(dev), choose)?;
        let (mut dx, mut room) = (empty::<f32>(dev, s.b * s.c * s.h * s.w)?, room(dev, bytes)?);
        // SAFETY: the tensors are as described; with beta 0 all of `dx` is written.
        unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), &mut dx, w, dy)? };
        Ok(dx)
    }

    fn weight_grad(&self, dev: &CudaDevice, x: &CudaView<'_, f32>, dy: &CudaView<'_, f32>) -> Result<CudaSlice<f32>> {
        let (d, s) = (self.described(dev)?, &self.shape);
        let op = ConvBackwardFilter { conv: &d.conv, x: &d.x, dw: &d.weight, dy: &d.y };
        let choose = || -> Result<_> {
            let algorithm = op.pick_algorithm()?;
            Ok((algorithm, op.get_workspace_size(algorithm)?))
        };
        let (algorithm, bytes) = planned(|c| &mut c.filter, self.key(dev), choose)?;
        let len = s.weights();
        let (mut dw, mut room) = (empty::<f32>(dev, len)?, room(dev, bytes)?);
        // SAFETY: the tensors are as described; with beta 0 all of `dw` is written.
        unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), x, &mut dw, dy)? };
        Ok(dw)
    }
}

/// The plan kept for these sizes, or a new one.
fn planned<A: Copy>(
    plans: impl Fn(&mut Cache) -> &mut HashMap<Key, Plan<A>>,
    key: Key,
    choose: impl FnOnce() -> Result<Plan<A>>,
) -> Result<Plan<A>> {
    if let Some(plan) = CACHE.with_borrow_mut(|c| plans(c).get(&key).copied()) {
        return Ok(plan);
    }
    let plan = choose()?;
    CACHE.with_borrow_mut(|c| plans(c).insert(key, plan));
    Ok(plan)
}

/// Memory for an algorithm to work in.
fn room(dev: &CudaDevice, bytes: usize) -> Result<Option<CudaSlice<u8>>> {
    if bytes == 0 { Ok(None) } else { empty(dev, bytes).map(Some) }
}

impl Op<Cuda> for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let mut y = self.convolve(dev, &args[0].data, &args[1].data)?;
        let (planes, bias) = (self.planes(), args.get(2).map(|b| &b.data));
        if bias.is_some() || self.relu {
            let len = planes.b * planes.c * planes.plane;
            let (channels, plane, n) = (count(planes.c)?, count(planes.plane)?, len as u64);
            let relu = u32::from(self.relu);
            // SAFETY: the kernel's arguments; y has `len` elements, the bias one per channel.
            unsafe { launch!(dev, "bias_relu", elementwise(len), &mut y, Maybe(bias), &channels, &plane, &n, &relu) }
        }
        let s = &self.shape;
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
                Ok(Cuda::tensor(self.weight_grad(dev, &a[0].data, &a[1].data)?, shape, dev))
            })?);
        }
        if saved.wants_grad(2) {
            grads[2] = Some(Cuda::read(&[&dy], |dev, a| bias_grad(dev, &a[0].data, &self.planes()))?);
        }
        if saved.wants_grad(0) {
            let shape = saved.shape(0);
            grads[0] = Some(Cuda::read(&[&saved.take(1)?, &dy], |dev, a| {
                Ok(Cuda::tensor(self.input_grad(dev, &a[0].data, &a[1].data)?, shape, dev))
            })?);
        }
        Ok(grads)
    }
}

/// The gradient in front of a ReLU that gave `out`.
fn relu_masked(out: &Tensor, grad: &Tensor) -> Result<Tensor> {
    Cuda::read(&[out, grad], |dev, a| {
        let len = out.elem_count();
        let (mut g, n, out, dy) = (empty::<f32>(dev, len)?, len as u64, &a[0].data, &a[1].data);
        // SAFETY: the kernel's arguments; all have `len` elements.
        unsafe { launch!(dev, "relu_mask", elementwise(len), out, dy, &mut g, &n) }
        Ok(Cuda::tensor(g, grad.shape(), dev))
    })
}

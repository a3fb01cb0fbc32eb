//! The three passes of a convolution through cuDNN, whose choice of algorithm is kept for each shape.

use super::launch::empty;
use crate::ops::precision::{Precision, precision};
use crate::ops::shapes::ConvShape;
use candle_core::cuda_backend::DeviceId;
use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as DataAlgo, cudnnConvolutionBwdFilterAlgo_t as FilterAlgo,
    cudnnConvolutionFwdAlgo_t as ForwardAlgo, cudnnConvolutionMode_t, cudnnMathType_t,
    cudnnTensorFormat_t::CUDNN_TENSOR_NCHW,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnError, FilterDescriptor,
    TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What decides which algorithm is the best: the sizes (input, weights, stride, padding, dilation, groups) and whether
/// TF32 may be used.
type Key = (DeviceId, [usize; 11], bool);

/// An algorithm and the bytes that it works in.
type Plan<A> = (A, usize);

/// cuDNN's handles belong to a thread. Choosing an algorithm costs more than launching it, so choices are kept.
#[derive(Default)]
struct Cache {
    handles: HashMap<DeviceId, Arc<Cudnn>>,
    forward: HashMap<Key, Plan<ForwardAlgo>>,
    data: HashMap<Key, Plan<DataAlgo>>,
    filter: HashMap<Key, Plan<FilterAlgo>>,
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

/// Bytes for an algorithm to work in, at most, where there is another: some ask for more than all maps together take.
const MOST_ROOM: usize = 1 << 30;

/// What to take instead of an algorithm that asks for too much, the quickest first; the last ones need little.
const FORWARD: [ForwardAlgo; 2] = [
    ForwardAlgo::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
    ForwardAlgo::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
];
const DATA: [DataAlgo; 2] = [DataAlgo::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, DataAlgo::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0];
const FILTER: [FilterAlgo; 2] =
    [FilterAlgo::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, FilterAlgo::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0];

fn key(dev: &CudaDevice, s: &ConvShape) -> Key {
    let p = s.p;
    (dev.id(), [s.b, s.c, s.h, s.w, s.o, s.kh, s.kw, p.stride, p.padding, p.dilation, p.groups], tf32())
}

fn described(dev: &CudaDevice, s: &ConvShape) -> Result<Described> {
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

/// The convolution of `x` with `w`.
pub(super) fn forward(
    dev: &CudaDevice,
    s: &ConvShape,
    x: &CudaView<'_, f32>,
    w: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let d = described(dev, s)?;
    let op = ConvForward { conv: &d.conv, x: &d.x, w: &d.weight, y: &d.y };
    let choose = || plan(op.pick_algorithm()?, &FORWARD, |a| op.get_workspace_size(a));
    let (algorithm, bytes) = planned(|c| &mut c.forward, key(dev, s), choose)?;
    let (mut y, mut room) = (empty::<f32>(dev, s.b * s.o * s.out_plane())?, room(dev, bytes)?);
    // SAFETY: the tensors are as described; with beta 0 all of `y` is written.
    unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), x, w, &mut y)? };
    Ok(y)
}

/// The gradient of the input; the transposed convolution of `dy` with `w`.
pub(super) fn input_grad(
    dev: &CudaDevice,
    s: &ConvShape,
    w: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let d = described(dev, s)?;
    let op = ConvBackwardData { conv: &d.conv, dx: &d.x, w: &d.weight, dy: &d.y };
    let choose = || plan(op.pick_algorithm()?, &DATA, |a| op.get_workspace_size(a));
    let (algorithm, bytes) = planned(|c| &mut c.data, key(dev, s), choose)?;
    let (mut dx, mut room) = (empty::<f32>(dev, s.b * s.c * s.in_plane())?, room(dev, bytes)?);
    // SAFETY: the tensors are as described; with beta 0 all of `dx` is written.
    unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), &mut dx, w, dy)? };
    Ok(dx)
}

/// The gradient of the weights.
pub(super) fn weight_grad(
    dev: &CudaDevice,
    s: &ConvShape,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let d = described(dev, s)?;
    let op = ConvBackwardFilter { conv: &d.conv, x: &d.x, dw: &d.weight, dy: &d.y };
    let choose = || plan(op.pick_algorithm()?, &FILTER, |a| op.get_workspace_size(a));
    let (algorithm, bytes) = planned(|c| &mut c.filter, key(dev, s), choose)?;
    let (mut dw, mut room) = (empty::<f32>(dev, s.weights())?, room(dev, bytes)?);
    // SAFETY: the tensors are as described; with beta 0 all of `dw` is written.
    unsafe { op.launch(algorithm, room.as_mut(), (1.0, 0.0), x, &mut dw, dy)? };
    Ok(dw)
}

/// The algorithm that cuDNN proposes, or the first of others that is content with less where it asks for too much.
fn plan<A: Copy>(
    proposed: A,
    others: &[A],
    bytes: impl Fn(A) -> std::result::Result<usize, CudnnError>,
) -> Result<Plan<A>> {
    let proposed = (proposed, bytes(proposed)?);
    if proposed.1 <= MOST_ROOM {
        return Ok(proposed);
    }
    // an error says that the algorithm is not for this shape
    let smaller = others.iter().filter_map(|&other| Some((other, bytes(other).ok()?))).find(|p| p.1 <= MOST_ROOM);
    Ok(smaller.unwrap_or(proposed))
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

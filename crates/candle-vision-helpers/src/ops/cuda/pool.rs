//! Max pooling, and each pixel four times.

use super::launch::{count, elementwise, empty, launch};
use super::storage::Cuda;
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend},
};
use crate::ops::shapes::Window;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;
use candle_core::{CudaDevice, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// As [`max_pool2d`](crate::ops::max_pool2d) after its checks, for `x (dims.., H, W)`.
pub(crate) fn max_pool2d(x: &Tensor, window: Window, dims: [usize; 2]) -> Result<Tensor> {
    if window.kernel > 15 {
        bail!("max_pool2d: kernel: expected at most 15, got {}", window.kernel);
    }
    apply::<Cuda, _>(MaxPool { window, dims, at: OnceLock::new() }, &[x])
}

/// As [`upsample_nearest2`](crate::ops::upsample_nearest2) after its checks.
pub(crate) fn nearest2(x: &Tensor) -> Result<Tensor> {
    apply::<Cuda, _>(Nearest, &[x])
}

struct MaxPool {
    window: Window,
    dims: [usize; 2],
    /// Where in its window each maximum was found.
    at: OnceLock<CudaSlice<u8>>,
}

impl MaxPool {
    /// Height and width before and after, kernel, stride, padding.
    fn numbers(&self) -> Result<[u32; 7]> {
        let w = &self.window;
        let numbers = [w.h, w.w, w.oh, w.ow, w.kernel, w.stride, w.padding];
        for n in numbers {
            count(n)?;
        }
        Ok(numbers.map(|n| n as u32))
    }
}

impl Op<Cuda> for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let ([h, w, oh, ow, kernel, stride, padding], p) = (self.numbers()?, &self.window);
        let len = p.planes * p.oh * p.ow;
        let (mut y, mut at, n) = (empty::<f32>(dev, len)?, empty::<u8>(dev, len)?, len as u64);
        // SAFETY: the kernel's arguments; y and at have `len` elements.
        unsafe {
            let grid = elementwise(len);
            let x = &args[0].data;
            launch!(dev, "max_pool", grid, x, &mut y, &mut at, &n, &h, &w, &oh, &ow, &kernel, &stride, &padding);
        }
        let _ = self.at.set(at);
        Ok((y, Shape::from((self.dims[0], self.dims[1], p.oh, p.ow))))
    }

    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }

    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let Some(at) = self.at.get() else { bail!("max_pool2d: expected a forward pass before the backward one") };
        let [h, w, oh, ow, kernel, stride, padding] = self.numbers()?;
        let shape = saved.shape(0);
        let len = shape.elem_count();
        let dx = Cuda::read(&[&grad], |dev, a| {
            let (mut dx, n, dy) = (empty::<f32>(dev, len)?, len as u64, &a[0].data);
            // SAFETY: the kernel's arguments; dx has `len` elements.
            unsafe {
                let grid = elementwise(len);
                launch!(dev, "max_pool_back", grid, dy, at, &mut dx, &n, &h, &w, &oh, &ow, &kernel, &stride, &padding);
            }
            Ok(Cuda::tensor(dx, shape, dev))
        })?;
        Ok(vec![Some(dx)])
    }
}

struct Nearest;

impl Op<Cuda> for Nearest {
    fn name(&self) -> &'static str {
        "upsample_nearest2"
    }

    fn forward(&self, dev: &CudaDevice, args: &[Arg<'_, Cuda>]) -> Result<(CudaSlice<f32>, Shape)> {
        let &[b, c, h, w] = args[0].dims else {
            bail!("upsample_nearest2: input: expected (B, C, H, W), got {:?}", args[0].dims)
        };
        let len = 4 * b * c * h * w;
        let (mut y, n, rows, columns) = (empty::<f32>(dev, len)?, len as u64, count(h)?, count(2 * w)? / 2);
        // SAFETY: the kernel's arguments; y has `len` elements.
        unsafe { launch!(dev, "nearest2", elementwise(len), &args[0].data, &mut y, &n, &rows, &columns) }
        Ok((y, Shape::from((b, c, 2 * h, 2 * w))))
    }

    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing()
    }

    fn backward(&self, saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        let shape = saved.shape(0);
        let ((_, _, h, w), len) = (shape.dims4()?, shape.elem_count());
        let dx = Cuda::read(&[&grad], |dev, a| {
            let (mut dx, n, rows, columns) = (empty::<f32>(dev, len)?, len as u64, count(h)?, count(4 * w)? / 4);
            // SAFETY: the kernel's arguments; dx has `len` elements.
            unsafe { launch!(dev, "nearest2_back", elementwise(len), &a[0].data, &mut dx, &n, &rows, &columns) }
            Ok(Cuda::tensor(dx, shape, dev))
        })?;
        Ok(vec![Some(dx)])
    }
}

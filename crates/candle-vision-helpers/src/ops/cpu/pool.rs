//! Max-pooling over planes, and the gradient of a mean.

use super::parallel;
use super::pool_windows::Maxima;
use super::simd::Vectors;
use super::uncleared::{Shared, filled};
use crate::ops::shapes::Window;
use candle_core::{Result, bail};

/// The maxima, and for each its tap, row-major in the window.
pub(crate) fn forward(p: &Window, x: &[f32]) -> Result<(Vec<f32>, Vec<u8>)> {
    if p.kernel > 15 {
        bail!("max_pool2d: kernel: expected at most 15, got {}", p.kernel);
    }
    let (plane, out, vectors) = (p.h * p.w, p.oh * p.ow, Vectors::in_use());
    let mut at = vec![0u8; p.planes * out];
    let at_ptr = SharedBytes(at.as_mut_ptr());
    // SAFETY: every plane writes all of its maxima.
    let y = unsafe {
        filled(p.planes * out, |y| {
            parallel::for_each(p.planes, |i| {
                // SAFETY: one plane per task.
                let (y, at) = (y.part(i * out, out), at_ptr.part(i * out, out));
                let x = &x[i * plane..][..plane];
                if p.kernel == 2 && p.stride == 2 && p.padding == 0 {
                    plane_halved(p, x, y, at);
                } else {
                    vectors.run(Maxima { window: p, x, y, at });
                }
            });
        })?
    };
    Ok((y, at))
}

/// Windows of 2 × 2 side by side.
fn plane_halved(p: &Window, x: &[f32], y: &mut [f32], at: &mut [u8]) {
    let Window { w, ow, .. } = *p;
    for (oh, (y, at)) in y.chunks_exact_mut(ow).zip(at.chunks_exact_mut(ow)).enumerate() {
        let (upper, lower) = (&x[2 * oh * w..][..2 * ow], &x[(2 * oh + 1) * w..][..2 * ow]);
        for (((y, at), u), l) in y.iter_mut().zip(at).zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
            let (top, i) = if better(u[1], u[0]) { (u[1], 1) } else { (u[0], 0) };
            let (low, j) = if better(l[1], l[0]) { (l[1], 3) } else { (l[0], 2) };
            (*y, *at) = if better(low, top) { (low, j) } else { (top, i) };
        }
    }
}

/// The input's gradient.
pub(crate) fn backward(p: &Window, dy: &[f32], at: &[u8]) -> Result<Vec<f32>> {
    let (plane, out) = (p.h * p.w, p.oh * p.ow);
    // SAFETY: every plane is cleared, then added to.
    unsafe {
        filled(p.planes * plane, |dx| {
            parallel::for_each(p.planes, |i| {
                std::ptr::write_bytes(dx.ptr().add(i * plane), 0, plane);
                // SAFETY: one plane per task, initialized above.
                let dx = dx.part(i * plane, plane);
                plane_backward(p, &dy[i * out..][..out], &at[i * out..][..out], dx);
            });
        })
    }
}

fn plane_backward(p: &Window, dy: &[f32], at: &[u8], dx: &mut [f32]) {
    let Window { w, ow, kernel, stride, padding, .. } = *p;
    if kernel == 2 && stride == 2 && padding == 0 {
        for (oh, (dy, at)) in dy.chunks_exact(ow).zip(at.chunks_exact(ow)).enumerate() {
            let (upper, lower) = dx[2 * oh * w..(2 * oh + 2) * w].split_at_mut(w);
            let pairs = upper.chunks_exact_mut(2).zip(lower.chunks_exact_mut(2));
            for ((u, l), (&g, &at)) in pairs.zip(dy.iter().zip(at)) {
                u[0] = if at == 0 { g } else { 0.0 };
                u[1] = if at == 1 { g } else { 0.0 };
                l[0] = if at == 2 { g } else { 0.0 };
                l[1] = if at == 3 { g } else { 0.0 };
            }
        }
        return;
    }
    for (oh, (dy, at)) in dy.chunks_exact(ow).zip(at.chunks_exact(ow)).enumerate() {
        for (j, (&g, &at)) in dy.iter().zip(at).enumerate() {
            let (kh, kw) = (at as usize / kernel, at as usize % kernel);
            dx[(oh * stride + kh - padding) * w + j * stride + kw - padding] += g;
        }
    }
}

/// The last NaN wins, as in PyTorch: a diverged network shows.
#[inline(always)]
fn better(x: f32, than: f32) -> bool {
    // without a short circuit: a branch for each pixel is guessed wrong half of the time
    (x > than) | x.is_nan()
}

/// Each gradient of a plane's mean, spread evenly over the plane.
pub(crate) fn spread_mean(dy: &[f32], plane: usize) -> Vec<f32> {
    let mut dx = vec![0f32; dy.len() * plane];
    let to = Shared::of(&mut dx);
    parallel::for_each(dy.len(), |i| {
        // SAFETY: one plane per task.
        unsafe { to.part(i * plane, plane) }.fill(dy[i] / plane as f32);
    });
    dx
}

#[derive(Clone, Copy)]
struct SharedBytes(*mut u8);

// SAFETY: tasks write disjoint parts.
unsafe impl Send for SharedBytes {}
// SAFETY: as above.
unsafe impl Sync for SharedBytes {}

impl SharedBytes {
    /// # Safety
    /// Inside the buffer, and no other task's meanwhile.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part<'a>(&self, start: usize, len: usize) -> &'a mut [u8] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

//! The way back through a convolution to its input, which is also a transposed convolution's way forward.

use super::conv::{Planes, Sizes, touched};
use super::gemm::{Matrix, Product, pack_columns};
use super::memory::{Scratch, Shared};
use super::pack::Grid;
use super::parallel;
use super::simd::gated;
use crate::ops::ConvParams;
use crate::ops::sizes::elements;
use candle_core::Result;

/// What is done to an input gradient that is the result of a transposed convolution.
#[derive(Clone, Copy, Default)]
pub(crate) struct Finish<'a> {
    /// One value a channel.
    pub bias: Option<&'a [f32]>,
    pub relu: bool,
}

impl Sizes {
    /// The gradient of the input, `(b, c, h, w)`: pixels of one phase (`s t + r` in the padded image) are a convolution
    /// of `dy` with the taps of that phase, turned round. `finish` is done to each.
    ///
    /// # Safety
    /// `dx` holds `b c h w` floats; the slices have the sizes' lengths.
    pub(crate) unsafe fn input_grad(&self, weight: &[f32], dy: &[f32], finish: Finish<'_>, dx: Shared) -> Result<()> {
        let rows = Back::phases(self.kh, self.h, &self.p);
        let cols = Back::phases(self.kw, self.w, &self.p);
        if rows.len() < self.p.stride || cols.len() < self.p.stride {
            // some pixels are touched by no tap
            let untouched = |bias: f32| if finish.relu { gated(bias, bias) } else { bias };
            parallel::for_each(self.b * self.c, |i| {
                let value = untouched(finish.bias.map_or(0.0, |b| b[i % self.c]));
                let from = i * self.in_plane();
                for at in from..from + self.in_plane() {
                    // SAFETY: one plane a task; nothing is read, since the memory may be fresh.
                    unsafe { dx.ptr().add(at).write(value) };
                }
            });
        }
        let (top, height) = Back::frame(&rows, self.oh);
        let (left, width) = Back::frame(&cols, self.ow);
        let plane = elements("convolution", &[height, width])?;
        elements("convolution", &[self.b, self.o, plane])?;
        let planes = if (top, height, left, width) == (0, self.oh, 0, self.ow) {
            Planes::AsIs(dy)
        } else {
            Planes::Spread(self.framed(dy, top, left, height, width)?)
        };
        let (groups, taps_all) = (self.p.groups, self.taps());
        let (m, o) = (self.c / groups, self.o / groups);
        for g in 0..groups {
            let weight = &weight[g * o * m * taps_all..][..o * m * taps_all];
            for r in rows.iter().filter(|r| r.count > 0) {
                for c in cols.iter().filter(|c| c.count > 0) {
                    let mut taps = Vec::with_capacity(o * r.taps.len() * c.taps.len());
                    let mut places = Vec::with_capacity(taps.capacity());
                    for oc in 0..o {
                        for &(kh, eh) in &r.taps {
                            for &(kw, ew) in &c.taps {
                                taps.push(oc * plane + (r.first + top - eh) * width + (c.first + left - ew));
                                places.push(oc * m * taps_all + kh * self.kw + kw);
                            }
                        }
                    }
                    let packed = pack_columns(m, weight, &places, taps_all);
                    let grid = Grid {
                        images: self.b,
                        rows: r.count,
                        cols: c.count,
                        src_image: self.o * plane,
                        src_row: width,
                        dst_image: self.c * self.in_plane(),
                        dst_row: self.p.stride * self.w,
                        dst_col: self.p.stride,
                        dst_base: g * m * self.in_plane() + r.pixel * self.w + c.pixel,
                    };
                    let product = Product {
                        matrix: Matrix::Packed(&packed),
                        m,
                        taps: &taps,
                        src: &planes.data()[g * o * plane..],
                        grid: grid.merged(),
                        dst_plane: self.in_plane(),
                        bias: finish.bias.map(|b| &b[g * m..][..m]),
                        relu: finish.relu,
                    };
                    // SAFETY: the frame holds every tap of every position, and the phases part `dx`.
                    unsafe { product.run(dx) };
                }
            }
        }
        Ok(())
    }

    /// `dy` in planes with zeros around it.
    fn framed(&self, dy: &[f32], top: usize, left: usize, height: usize, width: usize) -> Result<Scratch> {
        let plane = height * width;
        let (oh, ow) = (self.oh, self.ow);
        let write = |to: Shared| {
            parallel::for_each(self.b * self.o, |i| {
                let dy = &dy[i * oh * ow..][..oh * ow];
                // SAFETY: one plane a task.
                let to = unsafe { to.part(i * plane, plane) };
                let (above, rest) = to.split_at_mut(top * width);
                above.fill(0.0);
                let (middle, below) = rest.split_at_mut(oh * width);
                below.fill(0.0);
                for (line, dy) in middle.chunks_exact_mut(width).zip(dy.chunks_exact(ow)) {
                    line[..left].fill(0.0);
                    line[left..left + ow].copy_from_slice(dy);
                    line[left + ow..].fill(0.0);
                }
            });
        };
        // SAFETY: every plane is written.
        unsafe { Scratch::filled(self.b * self.o * plane, write) }
    }
}

/// One phase of one axis of the input, as its gradient sees it.
struct Back {
    /// Taps that touch the phase, each with how far back in `dy` it lies.
    taps: Vec<(usize, usize)>,
    /// The first place in the phase that is a pixel of the input, which pixel, and how many there are.
    first: usize,
    pixel: usize,
    count: usize,
}

impl Back {
    /// Those that some tap touches, in order.
    fn phases(kernel: usize, len: usize, p: &ConvParams) -> Vec<Self> {
        let s = p.stride;
        touched(kernel, p)
            .into_iter()
            .map(|r| {
                let taps = (0..kernel)
                    .map(|k| (k, k * p.dilation))
                    .filter(|&(_, at)| at % s == r)
                    .map(|(k, at)| (k, at / s))
                    .collect();
                let first = p.padding.saturating_sub(r).div_ceil(s);
                let pixel = s * first + r - p.padding;
                Self { taps, first, pixel, count: len.saturating_sub(pixel).div_ceil(s) }
            })
            .collect()
    }

    /// Zeros before `dy` and the whole length, such that every tap of every place lies inside.
    fn frame(phases: &[Self], out: usize) -> (usize, usize) {
        let (mut before, mut end) = (0, out);
        for phase in phases.iter().filter(|p| p.count > 0) {
            for &(_, e) in &phase.taps {
                before = before.max(e.saturating_sub(phase.first));
                end = end.max((phase.first + phase.count).saturating_sub(e));
            }
        }
        (before, before + end)
    }
}

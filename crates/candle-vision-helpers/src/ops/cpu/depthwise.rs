//! Depthwise 3×3 convolution with a border of one pixel, at stride 1 or 2, and its gradients: a filter a channel.
//!
//! A task copies some rows of one plane with their border of zeros, at stride 2 even and odd columns apart, so that
//! every tap reads neighbors as neighbors, without a case for edges. The copy and what becomes of it lie in the
//! first-level cache.

use super::activation::activated_lanes;
use super::parallel;
use super::scratch::Scratch;
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, try_filled};
use crate::ops::Activation;
use candle_core::Result;

/// The sizes of a depthwise convolution, all positive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depthwise {
    pub b: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    /// 1 or 2.
    pub stride: usize,
}

/// Taps of a filter.
pub(super) const TAPS: usize = 9;
/// Rows of a tile: their sums, the filter's taps and a pixel fit AVX2's sixteen registers.
const TALL: usize = 4;
/// Outputs that a task computes at least, where there are as many: with the rows that they come from they fit a
/// first-level cache.
pub(super) const GRAIN: usize = 4096;
/// A multiple of every vector's length.
pub(super) const WIDE: usize = 16;

impl Depthwise {
    /// Height and width of the result.
    pub(crate) fn out(&self) -> (usize, usize) {
        ((self.h - 1) / self.stride + 1, (self.w - 1) / self.stride + 1)
    }

    /// `activation(y + bias)`, `(b, c, oh, ow)`, of `x (b, c, h, w)` and `weight (c, 3, 3)`.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn forward(
        &self,
        x: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Vec<f32>> {
        let (h, w) = (self.h, self.w);
        let source = Source { data: x, h, w, spread: 1, stride: self.stride };
        Pass { source, out: self.out(), planes: self.b * self.c, weight, bias, activation, flipped: false }.run()
    }

    /// The input's gradient, `(b, c, h, w)`: the gradients, a pixel apart at stride 2, under the filter turned by 180°.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn input_grad(&self, weight: &[f32], dy: &[f32]) -> Result<Vec<f32>> {
        let (h, w) = self.out();
        let source = Source { data: dy, h, w, spread: self.stride, stride: 1 };
        let (planes, activation) = (self.b * self.c, Activation::None);
        Pass { source, out: (self.h, self.w), planes, weight, bias: None, activation, flipped: true }.run()
    }
}

/// Planes that the filters slide over.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub data: &'a [f32],
    pub h: usize,
    pub w: usize,
    /// Pixels from one of them to the next, with zeros in between.
    pub spread: usize,
    /// Of the filters.
    pub stride: usize,
}

impl Source<'_> {
    /// Floats of a line of the copy: a vector at any place of `width` outputs, and two further, lies in it.
    pub(super) fn line(width: usize) -> usize {
        width.next_multiple_of(WIDE) + WIDE
    }

    /// Rows that `outputs` rows of the result come from.
    pub(super) fn rows(&self, outputs: usize) -> usize {
        (outputs - 1) * self.stride + 3
    }

    /// Where in a row of the copy the pixels of each of a filter's columns begin.
    pub(super) fn columns(&self, line: usize) -> [usize; 3] {
        if self.stride == 1 { [0, 1, 2] } else { [0, line, 1] }
    }

    /// Copies rows of a plane, counted from the upper border, into rows of `stride` lines.
    pub(super) fn copy(&self, plane: usize, first: usize, line: usize, to: &mut [f32]) {
        let data = &self.data[plane * self.h * self.w..][..self.h * self.w];
        for (i, to) in to.chunks_exact_mut(self.stride * line).enumerate() {
            let row = (first + i).checked_sub(1).filter(|r| r.is_multiple_of(self.spread)).map(|r| r / self.spread);
            let Some(row) = row.filter(|r| *r < self.h) else {
                to.fill(0.0);
                continue;
            };
            let x = &data[row * self.w..][..self.w];
            if self.stride == 2 {
                // the border and every second pixel, then the others
                let (even, odd) = to.split_at_mut(line);
                even[0] = 0.0;
                every_second(&mut even[1..], &x[1..]);
                every_second(odd, x);
            } else if self.spread == 2 {
                to.fill(0.0);
                for (to, x) in to[1..].iter_mut().step_by(2).zip(x) {
                    *to = *x;
                }
            } else {
                to[0] = 0.0;
                to[1..=self.w].copy_from_slice(x);
                to[self.w + 1..].fill(0.0);
            }
        }
    }
}

/// The first, the third, .. and zeros behind them.
fn every_second(to: &mut [f32], x: &[f32]) {
    let (to, rest) = to.split_at_mut(x.len().div_ceil(2));
    for (to, x) in to.iter_mut().zip(x.iter().step_by(2)) {
        *to = *x;
    }
    rest.fill(0.0);
}

/// Filters that slide over all planes of a source.
struct Pass<'a> {
    source: Source<'a>,
    out: (usize, usize),
    planes: usize,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    activation: Activation,
    /// Whether the filters are turned by 180°.
    flipped: bool,
}

impl Pass<'_> {
    fn run(&self) -> Result<Vec<f32>> {
        let (oh, ow) = self.out;
        let strip = if oh * ow <= 2 * GRAIN { oh } else { (GRAIN / ow).next_multiple_of(TALL).clamp(TALL, oh) };
        let strips = oh.div_ceil(strip);
        let (vectors, task) = (Vectors::in_use(), GRAIN / (strip * ow).clamp(1, GRAIN));
        // SAFETY: the strips of all planes cover the result.
        unsafe {
            try_filled(self.planes * oh * ow, |y| {
                parallel::for_chunks(self.planes * strips, task, |from, to| {
                    vectors.run(Strips { pass: self, y, strip, from, to });
                });
                Ok(())
            })
        }
    }
}

/// Some of the strips of rows that all planes are cut into.
struct Strips<'a> {
    pass: &'a Pass<'a>,
    y: Shared,
    strip: usize,
    from: usize,
    to: usize,
}

impl Kernel for Strips<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Pass { ref source, out: (oh, ow), weight, bias, activation, flipped, .. } = *self.pass;
        let (strips, line) = (oh.div_ceil(self.strip), Source::line(ow));
        let (row, columns) = (source.stride * line, source.columns(line));
        let mut copy = Scratch::new(source.rows(self.strip) * row);
        let channels = weight.len() / TAPS;
        for job in self.from..self.to {
            let (plane, first) = (job / strips, job % strips * self.strip);
            let rows = self.strip.min(oh - first);
            source.copy(plane, first * source.stride, line, &mut copy[..source.rows(rows) * row]);
            let channel = plane % channels;
            let filter = &weight[channel * TAPS..][..TAPS];
            // SAFETY: a strip's rows are this task's; lines have room for a vector at every output and two further.
            unsafe {
                let mut w = [S::splat(0.0); TAPS];
                for k in 0..TAPS {
                    w[k] = S::splat(filter[if flipped { TAPS - 1 - k } else { k }]);
                }
                let start = S::splat(bias.map_or(0.0, |b| b[channel]));
                let y = self.y.part((plane * oh + first) * ow, rows * ow);
                let mut i = 0;
                while i < rows {
                    let from = copy.as_ptr().add(i * source.stride * row);
                    if rows < TALL {
                        let y = &mut y[i * ow..];
                        tile::<S, 1>(from, row, row * source.stride, columns, &w, start, activation, ow, y);
                        i += 1;
                    } else {
                        // the last tile does some rows again
                        i = i.min(rows - TALL);
                        let from = copy.as_ptr().add(i * source.stride * row);
                        let y = &mut y[i * ow..];
                        tile::<S, TALL>(from, row, row * source.stride, columns, &w, start, activation, ow, y);
                        i += TALL;
                    }
                }
            }
        }
    }
}

/// `ROWS` whole rows of the result: the copy's rows are `row` floats apart, those of neighboring outputs `step`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<S: Simd, const ROWS: usize>(
    from: *const f32,
    row: usize,
    step: usize,
    columns: [usize; 3],
    w: &[S::V; TAPS],
    start: S::V,
    activation: Activation,
    ow: usize,
    y: &mut [f32],
) {
    let y = &mut y[..ROWS * ow];
    let mut j = 0;
    while j < ow {
        let mut sum = [start; ROWS];
        // SAFETY: the caller's contract; `y` is that long.
        unsafe {
            for kh in 0..3 {
                for kw in 0..3 {
                    let x = from.add(kh * row + columns[kw] + j);
                    for i in 0..ROWS {
                        sum[i] = S::fma(w[3 * kh + kw], S::load(x.add(i * step)), sum[i]);
                    }
                }
            }
            for i in 0..ROWS {
                sum[i] = activated_lanes::<S>(activation, sum[i]);
            }
            // asked once for all rows: a branch between them would have the compiler keep their sums in memory
            if j + S::LANES <= ow {
                for i in 0..ROWS {
                    S::store(y.as_mut_ptr().add(i * ow + j), sum[i]);
                }
            } else {
                for i in 0..ROWS {
                    let mut lanes = [0f32; WIDE];
                    S::store(lanes.as_mut_ptr(), sum[i]);
                    y[i * ow + j..(i + 1) * ow].copy_from_slice(&lanes[..ow - j]);
                }
            }
        }
        j += S::LANES;
    }
}

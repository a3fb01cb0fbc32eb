//! The gradients of the filters of a depthwise convolution: each a sum over all places of its channel.

use super::depthwise::{Depthwise, GRAIN, Source, TAPS, WIDE};
use super::parallel;
use super::scratch::Scratch;
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, try_filled};
use candle_core::Result;

impl Depthwise {
    /// The filters' gradient, `(c, 3, 3)`: sums of some thousand products in vectors, these added up in order and in
    /// double precision.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn weight_grad(&self, x: &[f32], dy: &[f32]) -> Result<Vec<f32>> {
        let (oh, ow) = self.out();
        let (vectors, task) = (Vectors::in_use(), GRAIN / (self.b * oh * ow).clamp(1, GRAIN));
        let source = Source { data: x, h: self.h, w: self.w, spread: 1, stride: self.stride };
        // SAFETY: every task writes the filters of its channels.
        unsafe {
            try_filled(self.c * TAPS, |dw| {
                parallel::for_chunks(self.c, task, |from, to| {
                    vectors.run(Filters { sizes: self, source, dy, dw, from, to });
                });
                Ok(())
            })
        }
    }
}

/// The gradients of some channels' filters.
struct Filters<'a> {
    sizes: &'a Depthwise,
    source: Source<'a>,
    dy: &'a [f32],
    dw: Shared,
    from: usize,
    to: usize,
}

impl Kernel for Filters<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (Depthwise { b, c, .. }, (oh, ow)) = (*self.sizes, self.sizes.out());
        let (source, line) = (&self.source, Source::line(ow));
        let (row, columns) = (source.stride * line, source.columns(line));
        let strip = (GRAIN / ow).clamp(1, oh);
        let mut copy = Scratch::new(source.rows(strip) * row);
        for channel in self.from..self.to {
            let mut total = [0f64; TAPS];
            for plane in (0..b).map(|image| image * c + channel) {
                for first in (0..oh).step_by(strip) {
                    let rows = strip.min(oh - first);
                    source.copy(plane, first * source.stride, line, &mut copy[..source.rows(rows) * row]);
                    let dy = &self.dy[(plane * oh + first) * ow..][..rows * ow];
                    // SAFETY: as in `Strips`.
                    let sums = unsafe { products::<S>(copy.as_ptr(), row, row * source.stride, columns, ow, dy) };
                    for (total, sum) in total.iter_mut().zip(sums) {
                        // SAFETY: the processor has the vectors' features.
                        *total += f64::from(unsafe { S::sum(sum) });
                    }
                }
            }
            // SAFETY: one channel's filter, which nobody else writes.
            unsafe { self.dw.part(channel * TAPS, TAPS) }.copy_from_slice(&total.map(|t| t as f32));
        }
    }
}

/// For each tap, products of the gradients with the pixels under it; beyond the end of a row the gradients are 0.
#[inline(always)]
unsafe fn products<S: Simd>(
    x: *const f32,
    row: usize,
    step: usize,
    columns: [usize; 3],
    ow: usize,
    dy: &[f32],
) -> [S::V; TAPS] {
    // SAFETY: the caller's contract.
    unsafe {
        let mut sums = [S::splat(0.0); TAPS];
        for (i, dy) in dy.chunks_exact(ow).enumerate() {
            let mut j = 0;
            while j < ow {
                let g = if j + S::LANES <= ow {
                    S::load(dy.as_ptr().add(j))
                } else {
                    let mut lanes = [0f32; WIDE];
                    lanes[..ow - j].copy_from_slice(&dy[j..]);
                    S::load(lanes.as_ptr())
                };
                let x = x.add(i * step + j);
                for kh in 0..3 {
                    for kw in 0..3 {
                        sums[3 * kh + kw] = S::fma(g, S::load(x.add(kh * row + columns[kw])), sums[3 * kh + kw]);
                    }
                }
                j += S::LANES;
            }
        }
        sums
    }
}

//! Max-pooling by rows: the best pixel of each column of a row of windows, then the best of neighboring columns. All
//! loops go along a row, so that the compiler makes vectors of them.

use super::simd::{Kernel, Simd};
use crate::ops::shapes::Window;

/// The maxima of a plane, and for each its tap, row-major in the window.
pub(super) struct Maxima<'a> {
    pub window: &'a Window,
    pub x: &'a [f32],
    pub y: &'a mut [f32],
    pub at: &'a mut [u8],
}

/// A tap of no window.
const NONE: u32 = u32::MAX;

impl Kernel for Maxima<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Window { h, w, ow, kernel, stride, padding, .. } = *self.window;
        let (mut best, mut rows) = (vec![0f32; w], vec![0u32; w]);
        // column `stride i + r` at `i` of phase `r`: then neighbors are neighbors for every tap
        let phase = w.div_ceil(stride);
        let (mut apart, mut apart_rows) = (vec![0f32; stride * phase], vec![0u32; stride * phase]);
        let (mut taken, mut taken_rows) = (vec![0u32; ow], vec![0u32; ow]);
        for (oh, (y, at)) in self.y.chunks_exact_mut(ow).zip(self.at.chunks_exact_mut(ow)).enumerate() {
            let first = padding.saturating_sub(oh * stride);
            for kh in first..kernel.min(h + padding - oh * stride) {
                let x = &self.x[(oh * stride + kh - padding) * w..][..w];
                if kh == first {
                    best.copy_from_slice(x);
                    rows.fill(kh as u32);
                    continue;
                }
                for ((best, row), &x) in best.iter_mut().zip(&mut rows).zip(x) {
                    let better = (x > *best) | x.is_nan();
                    *best = if better { x } else { *best };
                    *row = if better { kh as u32 } else { *row };
                }
            }
            for r in 0..stride.min(w) {
                let (apart, apart_rows) = (&mut apart[r * phase..][..phase], &mut apart_rows[r * phase..][..phase]);
                if stride == 2 {
                    // a step that the compiler knows
                    apart.iter_mut().zip(best[r..].iter().step_by(2)).for_each(|(to, x)| *to = *x);
                    apart_rows.iter_mut().zip(rows[r..].iter().step_by(2)).for_each(|(to, x)| *to = *x);
                } else {
                    apart.iter_mut().zip(best[r..].iter().step_by(stride)).for_each(|(to, x)| *to = *x);
                    apart_rows.iter_mut().zip(rows[r..].iter().step_by(stride)).for_each(|(to, x)| *to = *x);
                }
            }
            // memory may be fresh
            y.fill(f32::NEG_INFINITY);
            taken.fill(NONE);
            for kw in 0..kernel {
                let (from, to) = columns(self.window, kw);
                if from >= to {
                    continue;
                }
                let column = from * stride + kw - padding;
                let start = column % stride * phase + column / stride;
                let columns = apart[start..].iter().zip(&apart_rows[start..]);
                let results = y[from..to].iter_mut().zip(&mut taken[from..to]).zip(&mut taken_rows[from..to]);
                for (((y, tap), tap_row), (&x, &row)) in results.zip(columns) {
                    // ties go to the first one in row-major order, and to the last NaN
                    let better = (*tap == NONE)
                        | (x > *y)
                        | ((x == *y) & (row < *tap_row))
                        | (x.is_nan() & (!y.is_nan() | (row >= *tap_row)));
                    *y = if better { x } else { *y };
                    *tap = if better { kw as u32 } else { *tap };
                    *tap_row = if better { row } else { *tap_row };
                }
            }
            for ((at, tap), row) in at.iter_mut().zip(&taken).zip(&taken_rows) {
                *at = (row * kernel as u32 + tap) as u8;
            }
        }
    }
}

/// Output columns whose tap `kw` lies in the image.
pub(super) fn columns(p: &Window, kw: usize) -> (usize, usize) {
    let from = p.padding.saturating_sub(kw).div_ceil(p.stride).min(p.ow);
    let to = (p.w + p.padding).saturating_sub(kw).div_ceil(p.stride).min(p.ow);
    (from, to)
}

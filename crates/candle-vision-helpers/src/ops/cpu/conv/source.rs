//! The images that a convolution reads: spread into planes with their padding, strided ones into one plane for each
//! phase (pixels `stride i + r`), so that neighbors are neighbors for every tap of every kernel.

use crate::ops::cpu::correlation::dots::SLACK;
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::uncleared::Shared;
use crate::ops::shapes::{ConvParams, ConvShape, elements};
use candle_core::Result;

/// The planes of an image: itself where no copy is needed.
pub(super) enum Planes<'a> {
    AsIs(&'a [f32]),
    Spread(Scratch),
}

impl Planes<'_> {
    pub(super) fn data(&self) -> &[f32] {
        match self {
            Planes::AsIs(x) => x,
            Planes::Spread(x) => x,
        }
    }
}

/// One axis of the spread image: the phases that some tap needs.
struct Axis {
    phases: Vec<usize>,
    /// Length of a phase's row.
    len: usize,
}

impl Axis {
    fn new(kernel: usize, out: usize, p: &ConvParams) -> Self {
        Self { phases: touched(kernel, p), len: out + (kernel - 1) * p.dilation / p.stride }
    }
    /// The phase's index and the place in it where tap `k` starts.
    fn tap(&self, k: usize, p: &ConvParams) -> (usize, usize) {
        let at = k * p.dilation;
        let phase = self.phases.iter().position(|&r| r == at % p.stride).unwrap_or(0);
        (phase, at / p.stride)
    }
}

/// The phases that taps of a kernel touch, in order.
pub(super) fn touched(kernel: usize, p: &ConvParams) -> Vec<usize> {
    let mut phases: Vec<usize> = (0..kernel).map(|k| k * p.dilation % p.stride).collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

/// An image as taps read it.
pub(super) struct Source<'a> {
    pub planes: Planes<'a>,
    /// The offset of every tap, from the first channel of a group.
    pub taps: Vec<usize>,
    /// The step from channel to channel.
    pub plane: usize,
    /// The step from row to row.
    pub width: usize,
}

/// The source of a convolution. A copy, where asked for or needed, has finite floats behind its end: a row and
/// [`SLACK`].
pub(super) fn source<'a>(s: &ConvShape, x: &'a [f32], copy: bool) -> Result<Source<'a>> {
    let p = &s.p;
    let (rows, cols) = (Axis::new(s.kh, s.oh, p), Axis::new(s.kw, s.ow, p));
    let as_is = p.stride == 1 && p.padding == 0 && !copy;
    let (height, width) = if as_is { (s.h, s.w) } else { (rows.len, cols.len) };
    let plane = elements("convolution", &[rows.phases.len(), cols.phases.len(), height, width])?;
    elements("convolution", &[s.b, s.c, plane])?;
    let mut taps = Vec::with_capacity(s.c / p.groups * s.taps());
    for c in 0..s.c / p.groups {
        for kh in 0..s.kh {
            let (ph, i) = rows.tap(kh, p);
            for kw in 0..s.kw {
                let (pw, j) = cols.tap(kw, p);
                taps.push(c * plane + (ph * cols.phases.len() + pw) * height * width + i * width + j);
            }
        }
    }
    let planes = if as_is { Planes::AsIs(x) } else { Planes::Spread(spread(s, x, &rows, &cols, plane)?) };
    Ok(Source { planes, taps, plane, width })
}

fn spread(s: &ConvShape, x: &[f32], rows: &Axis, cols: &Axis, plane: usize) -> Result<Scratch> {
    let len = s.b * s.c * plane;
    let end = cols.len + SLACK;
    // SAFETY: every plane is written, and what is behind them.
    unsafe {
        Scratch::filled(len + end, |to| {
            to.part(len, end).fill(0.0);
            spread_planes(s, x, rows, cols, plane, to);
        })
    }
}

fn spread_planes(s: &ConvShape, x: &[f32], rows: &Axis, cols: &Axis, plane: usize, to: Shared) {
    let ConvParams { stride, padding: p, .. } = s.p;
    let (h, w) = (s.h, s.w);
    parallel::for_each(s.b * s.c, |i| {
        let x = &x[i * h * w..][..h * w];
        // SAFETY: one plane per task.
        let to = unsafe { to.part(i * plane, plane) };
        let mut lines = to.chunks_exact_mut(cols.len);
        for &rh in &rows.phases {
            for &rw in &cols.phases {
                // columns j with 0 <= stride j + rw - p < w
                let j0 = p.saturating_sub(rw).div_ceil(stride).min(cols.len);
                let j1 = (w + p).saturating_sub(rw).div_ceil(stride).clamp(j0, cols.len);
                for row in 0..rows.len {
                    let Some(line) = lines.next() else { return };
                    let ih = stride * row + rh;
                    if ih < p || ih - p >= h {
                        line.fill(0.0);
                        continue;
                    }
                    let x = &x[(ih - p) * w..][..w];
                    line[..j0].fill(0.0);
                    line[j1..].fill(0.0);
                    if stride == 1 {
                        line[j0..j1].copy_from_slice(&x[j0 + rw - p..][..j1 - j0]);
                    } else if j1 > j0 {
                        let from = &x[stride * j0 + rw - p..];
                        for (to, x) in line[j0..j1].iter_mut().zip(from.iter().step_by(stride)) {
                            *to = *x;
                        }
                    }
                }
            }
        }
    });
}

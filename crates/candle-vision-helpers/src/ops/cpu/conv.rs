//! A convolution and its weights' gradient as products over taps (see [`gemm`](super::gemm)).
//!
//! Images are spread once into planes with their padding, strided ones into one plane a phase (pixels `s i + r`), so
//! that every tap of every kernel reads neighbours as neighbours. The unfolded matrix exists only as panels of a few
//! kilobytes.

use super::correlation::Correlation;
use super::direct::{Dots, SLACK};
use super::gemm::{Matrix, Product, pack_matrix};
use super::memory::{Scratch, Shared};
use super::pack::Grid;
use super::parallel;
use crate::ops::ConvParams;
use crate::ops::sizes::elements;
use candle_core::Result;

/// The sizes of a convolution, checked: all positive, groups divide the channels, the kernel fits the padded image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub b: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub o: usize,
    pub kh: usize,
    pub kw: usize,
    pub oh: usize,
    pub ow: usize,
    pub p: ConvParams,
}

/// What a source is read from: itself where no copy is needed.
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
    /// The phase's index and the place in it where tap `k` begins.
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

impl Sizes {
    fn out_plane(&self) -> usize {
        self.oh * self.ow
    }
    pub(super) fn in_plane(&self) -> usize {
        self.h * self.w
    }
    pub(super) fn taps(&self) -> usize {
        self.kh * self.kw
    }

    /// The image's planes and, from the first channel of a group, the offset of every tap; steps from channel to
    /// channel and row to row. A copy, where asked for or needed, has finite floats behind its end: a row and
    /// [`SLACK`].
    fn source<'a>(&self, x: &'a [f32], copy: bool) -> Result<(Planes<'a>, Vec<usize>, usize, usize)> {
        let p = &self.p;
        let (rows, cols) = (Axis::new(self.kh, self.oh, p), Axis::new(self.kw, self.ow, p));
        let as_is = p.stride == 1 && p.padding == 0 && !copy;
        let (height, width) = if as_is { (self.h, self.w) } else { (rows.len, cols.len) };
        let plane = elements("convolution", &[rows.phases.len(), cols.phases.len(), height, width])?;
        elements("convolution", &[self.b, self.c, plane])?;
        let mut taps = Vec::with_capacity(self.c / p.groups * self.taps());
        for c in 0..self.c / p.groups {
            for kh in 0..self.kh {
                let (ph, i) = rows.tap(kh, p);
                for kw in 0..self.kw {
                    let (pw, j) = cols.tap(kw, p);
                    taps.push(c * plane + (ph * cols.phases.len() + pw) * height * width + i * width + j);
                }
            }
        }
        let planes = if as_is { Planes::AsIs(x) } else { Planes::Spread(self.spread(x, &rows, &cols, plane)?) };
        Ok((planes, taps, plane, width))
    }

    fn spread(&self, x: &[f32], rows: &Axis, cols: &Axis, plane: usize) -> Result<Scratch> {
        let len = self.b * self.c * plane;
        let end = cols.len + SLACK;
        // SAFETY: every plane is written, and what is behind them.
        unsafe {
            Scratch::filled(len + end, |to| {
                to.part(len, end).fill(0.0);
                self.spread_planes(x, rows, cols, plane, to);
            })
        }
    }

    fn spread_planes(&self, x: &[f32], rows: &Axis, cols: &Axis, plane: usize, to: Shared) {
        let ConvParams { stride: s, padding: p, .. } = self.p;
        let (h, w) = (self.h, self.w);
        parallel::for_each(self.b * self.c, |i| {
            let x = &x[i * h * w..][..h * w];
            // SAFETY: one plane a task.
            let to = unsafe { to.part(i * plane, plane) };
            let mut lines = to.chunks_exact_mut(cols.len);
            for &rh in &rows.phases {
                for &rw in &cols.phases {
                    // columns j with 0 <= s j + rw - p < w
                    let j0 = p.saturating_sub(rw).div_ceil(s).min(cols.len);
                    let j1 = (w + p).saturating_sub(rw).div_ceil(s).clamp(j0, cols.len);
                    for row in 0..rows.len {
                        let Some(line) = lines.next() else { return };
                        let ih = s * row + rh;
                        if ih < p || ih - p >= h {
                            line.fill(0.0);
                            continue;
                        }
                        let x = &x[(ih - p) * w..][..w];
                        line[..j0].fill(0.0);
                        line[j1..].fill(0.0);
                        if s == 1 {
                            line[j0..j1].copy_from_slice(&x[j0 + rw - p..][..j1 - j0]);
                        } else if j1 > j0 {
                            let from = &x[s * j0 + rw - p..];
                            for (to, x) in line[j0..j1].iter_mut().zip(from.iter().step_by(s)) {
                                *to = *x;
                            }
                        }
                    }
                }
            }
        });
    }

    fn out_grid(&self, plane: usize, width: usize, group: usize) -> Grid {
        Grid {
            images: self.b,
            rows: self.oh,
            cols: self.ow,
            src_image: self.c * plane,
            src_row: width,
            dst_image: self.o * self.out_plane(),
            dst_row: self.ow,
            dst_col: 1,
            dst_base: group * (self.o / self.p.groups) * self.out_plane(),
        }
        .merged()
    }

    /// `y (b, o, oh, ow)` of `x (b, c, h, w)` and `weight (o, c / groups, kh, kw)`.
    ///
    /// # Safety
    /// `y` holds `b o oh ow` floats; the slices have the sizes' lengths.
    pub(crate) unsafe fn forward(
        &self,
        x: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        y: Shared,
    ) -> Result<()> {
        let groups = self.p.groups;
        let (planes, taps, plane, width) = self.source(x, false)?;
        let (m, depth) = (self.o / groups, taps.len());
        for g in 0..groups {
            let weight = &weight[g * m * depth..][..m * depth];
            // With few positions the packing would cost more than it saves.
            let packed = (self.b * self.out_plane() > 256).then(|| pack_matrix(m, depth, |m, k| weight[m * depth + k]));
            let product = Product {
                matrix: packed.as_ref().map_or(Matrix::Rows(weight), |w| Matrix::Packed(w)),
                m,
                taps: &taps,
                src: &planes.data()[g * (self.c / groups) * plane..],
                grid: self.out_grid(plane, width, g),
                dst_plane: self.out_plane(),
                bias: bias.map(|b| &b[g * m..][..m]),
                relu,
            };
            // SAFETY: the taps of every position lie in the planes (see `Axis`), the grid's destinations in `y`.
            unsafe { product.run(y) };
        }
        Ok(())
    }

    /// The gradient of the weights, `(o, c / groups, kh, kw)`.
    ///
    /// # Safety
    /// `dw` holds as many floats as the weights; the slices have the sizes' lengths.
    pub(crate) unsafe fn weight_grad(&self, x: &[f32], dy: &[f32], dw: Shared) -> Result<()> {
        let groups = self.p.groups;
        let m = self.o / groups;
        let dots = Correlation::suits_dots(m);
        let (planes, taps, plane, width) = self.source(x, dots)?;
        for g in 0..groups {
            let src = &planes.data()[g * (self.c / groups) * plane..];
            // SAFETY: as in `forward`; groups write one part of `dw` each.
            unsafe {
                let part = Shared::of(dw.part(g * m * taps.len(), m * taps.len()));
                if dots {
                    // `dy` at the source's pitch, zeros in between: then every plane is one line
                    let line = (self.oh * width).next_multiple_of(SLACK);
                    let framed = self.widened(dy, g, width, line)?;
                    let src_image = self.c * plane;
                    Dots { a: &framed, m, plane: line, images: self.b, taps: &taps, src, src_image }.run(part);
                } else {
                    let grid = self.out_grid(plane, width, g);
                    Correlation { a: dy, a_plane: self.out_plane(), m, taps: &taps, src, grid }.run(part);
                }
            }
        }
        Ok(())
    }

    /// The channels of a group of `dy`, each in one line with zeros between its rows and behind.
    fn widened(&self, dy: &[f32], group: usize, width: usize, line: usize) -> Result<Scratch> {
        let m = self.o / self.p.groups;
        let write = |to: Shared| {
            parallel::for_each(self.b * m, |i| {
                let channel = i / m * self.o + group * m + i % m;
                let dy = &dy[channel * self.out_plane()..][..self.out_plane()];
                // SAFETY: one channel a task.
                let to = unsafe { to.part(i * line, line) };
                let (rows, rest) = to.split_at_mut(self.oh * width);
                rest.fill(0.0);
                for (row, dy) in rows.chunks_exact_mut(width).zip(dy.chunks_exact(self.ow)) {
                    row[..self.ow].copy_from_slice(dy);
                    row[self.ow..].fill(0.0);
                }
            });
        };
        // SAFETY: every line is written.
        unsafe { Scratch::filled(elements("convolution", &[self.b, m, line])?, write) }
    }
}

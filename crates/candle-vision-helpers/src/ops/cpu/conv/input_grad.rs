//! The gradient of a convolution's input, which is also a transposed convolution's result.

use super::source::{Planes, touched};
use super::winograd::Same;
use crate::ops::cpu::activation::activated;
use crate::ops::cpu::blocked::depthwise::TAPS;
use crate::ops::cpu::gemm::pack::Grid;
use crate::ops::cpu::gemm::tile_matrix::TileMatrix;
use crate::ops::cpu::gemm::{Matrix, Product, pack_columns, pairs};
use crate::ops::cpu::parallel;
use crate::ops::cpu::plan;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;
use crate::ops::shapes::{ConvParams, ConvShape, elements};
use candle_core::Result;

/// The gradient of the input, `(b, c, h, w)`: pixels of one phase (`s t + r` in the padded image) are a convolution
/// of `dy` with the taps of that phase, turned round. The epilogue's residual is shaped
/// as the input.
///
/// # Safety
/// `dx` holds `b c h w` floats; the slices have the shape's lengths.
pub(crate) unsafe fn input_grad(
    vectors: Vectors,
    s: &ConvShape,
    weight: &[f32],
    dy: &[f32],
    epilogue: Epilogue<&[f32]>,
    dx: Shared,
) -> Result<()> {
    if plan::with_fewer_products(s, vectors) {
        let same = Same { pictures: s.b, from: s.o, to: s.c, h: s.h, w: s.w };
        let turned = |c, o| std::array::from_fn(|tap| weight[(o * s.c + c) * TAPS + TAPS - 1 - tap]);
        // SAFETY: the caller's contract.
        return unsafe { same.run(vectors, turned, dy, epilogue, dx) };
    }
    let rows = Back::phases(s.kh, s.h, &s.p);
    let cols = Back::phases(s.kw, s.w, &s.p);
    if rows.len() < s.p.stride || cols.len() < s.p.stride {
        // some pixels are touched by no tap
        let Epilogue { bias, residual, activation } = epilogue;
        parallel::for_each(s.b * s.c, |i| {
            let bias = bias.map_or(0.0, |b| b[i % s.c]);
            let plane = i * s.in_plane()..(i + 1) * s.in_plane();
            // SAFETY: one plane per task; nothing is read, since the memory may be fresh.
            let dx = unsafe { dx.part(plane.start, plane.len()) };
            let end = |y| activated(activation, bias + y);
            match residual {
                Some(r) => dx.iter_mut().zip(&r[plane]).for_each(|(dx, r)| *dx = end(*r)),
                None => dx.fill(end(0.0)),
            }
        });
    }
    let (top, height) = Back::frame(&rows, s.oh);
    let (left, width) = Back::frame(&cols, s.ow);
    let plane = elements("convolution", &[height, width])?;
    elements("convolution", &[s.b, s.o, plane])?;
    let planes = if (top, height, left, width) == (0, s.oh, 0, s.ow) {
        Planes::AsIs(dy)
    } else {
        Planes::Spread(framed(s, dy, (top, left), (height, width))?)
    };
    let (groups, taps_all) = (s.p.groups, s.taps());
    let (m, o) = (s.c / groups, s.o / groups);
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
                            places.push(oc * m * taps_all + kh * s.kw + kw);
                        }
                    }
                }
                let (packed, tiles);
                let matrix = if let Some(parts) = plan::in_tiles(m, vectors) {
                    tiles = TileMatrix::new(m, places.len().div_ceil(2), parts, |row, k| {
                        let element = |k: usize| places.get(k).map_or(0.0, |place| weight[place + row * taps_all]);
                        (element(2 * k), element(2 * k + 1))
                    });
                    Matrix::Tiles(&tiles)
                } else {
                    packed = match plan::in_pairs(m, vectors) {
                        true => pairs::pack_columns(m, weight, &places, taps_all, vectors),
                        false => pack_columns(m, weight, &places, taps_all, vectors),
                    };
                    Matrix::Packed(&packed)
                };
                let grid = Grid {
                    images: s.b,
                    rows: r.count,
                    cols: c.count,
                    src_image: s.o * plane,
                    src_row: width,
                    dst_image: s.c * s.in_plane(),
                    dst_row: s.p.stride * s.w,
                    dst_col: s.p.stride,
                    dst_base: g * m * s.in_plane() + r.pixel * s.w + c.pixel,
                };
                let product = Product {
                    matrix,
                    m,
                    taps: &taps,
                    src: &planes.data()[g * o * plane..],
                    grid: grid.merged(),
                    dst_plane: s.in_plane(),
                    epilogue: Epilogue { bias: epilogue.bias.map(|b| &b[g * m..][..m]), ..epilogue },
                };
                // SAFETY: the frame holds every tap of every position, and the phases part `dx`.
                unsafe { plan::product(&product, vectors, dx) };
            }
        }
    }
    Ok(())
}

/// `dy` in planes with zeros around it.
fn framed(s: &ConvShape, dy: &[f32], (top, left): (usize, usize), (height, width): (usize, usize)) -> Result<Scratch> {
    let plane = height * width;
    let (oh, ow) = (s.oh, s.ow);
    let write = |to: Shared| {
        parallel::for_each(s.b * s.o, |i| {
            let dy = &dy[i * oh * ow..][..oh * ow];
            // SAFETY: one plane per task.
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
    unsafe { Scratch::filled(s.b * s.o * plane, write) }
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

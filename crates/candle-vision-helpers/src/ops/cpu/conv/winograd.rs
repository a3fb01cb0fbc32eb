//! A convolution of planes with a quarter of the products: pictures, as many as stay in the caches, are put into blocks
//! of channels, where [`winograd`](crate::ops::cpu::blocked::winograd) computes them, and taken out again.

use crate::ops::cpu::blocked::winograd::{Work, apart, evaluate, floats, run, scratch};
use crate::ops::cpu::blocked::{Map, Site, convert::to_blocks, convert::to_planes, depthwise::TAPS};
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::Vectors;
use crate::ops::cpu::team::together;
use crate::ops::cpu::uncleared::Shared;
use crate::ops::epilogue::Epilogue;
use crate::ops::shapes::elements;
use candle_core::Result;

/// Floats of the maps that are computed at once, 8 MiB, where one picture's are fewer.
const CACHED: usize = 2 << 20;

/// A 3×3 convolution with zeros around its source, of planes `(pictures, from, h, w)` to `(pictures, to, h, w)`.
pub(super) struct Same {
    pub pictures: usize,
    pub from: usize,
    pub to: usize,
    pub h: usize,
    pub w: usize,
}

impl Same {
    /// Computes `y`; `taps` are those of a filter, by the channels of result and source.
    ///
    /// # Errors
    /// The memory is not there.
    ///
    /// # Safety
    /// The slices and `y` have the shape's lengths.
    pub(super) unsafe fn run(
        &self,
        vectors: Vectors,
        taps: impl Fn(usize, usize) -> [f32; TAPS] + Send + Sync,
        x: &[f32],
        epilogue: Epilogue<&[f32]>,
        y: Shared,
    ) -> Result<()> {
        let &Self { pictures, from, to, h, w } = self;
        let filters = |memory| {
            // SAFETY: as much room as this asks for.
            unsafe { evaluate([to, from], vectors.lanes(), taps, memory) }
        };
        // SAFETY: all filters are written.
        let weights = unsafe { Scratch::filled(floats(to, from)?, filters)? };
        let zeros;
        let bias = match epilogue.bias {
            Some(bias) => bias,
            None => {
                zeros = vec![0.0; to];
                &zeros
            }
        };
        let of_picture =
            |channels| Map { channels, h, w, block: vectors.lanes(), halo: 1, first: 0, rows: h, start: 0 };
        let (source, result) = (of_picture(from), of_picture(to));
        let one = source.len() + result.len() + scratch(from, h, w);
        let most = (CACHED / one).clamp(1, pictures);
        let stacked = |map: Map| Map { rows: most * (h + 1) - 1, ..map };
        let source = stacked(source);
        let result = Map { start: source.len(), ..stacked(result) };
        let seen = result.start + result.len();
        let len = elements("convolution", &[most, scratch(from, h, w)])?.saturating_add(seen);
        let mut memory = Scratch::of(len)?;
        let memory = Shared::of(&mut memory);
        let planes = |i: usize, channels: usize| i * channels * h * w..(i + 1) * channels * h * w;
        together(rayon::current_num_threads(), |team| {
            let residual = epilogue.residual.map(|_| result);
            let site = Site { from: source, to: result, residual, memory, scratch: None, vectors, team };
            for first in (0..pictures).step_by(most) {
                let count = most.min(pictures - first);
                let place = |map: &Map, i: usize| Map { start: map.start + i * apart(map), ..*map };
                // SAFETY: the maps lie in the memory one behind the other; the threads of a team meet between loops, so
                // that two pictures, which share a row of zeros, are not written at a time.
                unsafe {
                    for i in 0..count {
                        to_blocks(&x[planes(first + i, from)], &place(&source, i), memory, 0..h, team);
                        if let Some(residual) = epilogue.residual {
                            to_blocks(&residual[planes(first + i, to)], &place(&result, i), memory, 0..h, team);
                        }
                    }
                    let activation = epilogue.activation;
                    run(&site, &Work { pictures: count, scratch: seen, weights: &weights, bias, activation });
                    for i in 0..count {
                        let y = Shared::new(y.ptr().add(planes(first + i, to).start));
                        to_planes(&place(&result, i), memory, y, team);
                    }
                }
            }
        });
        Ok(())
    }
}

//! Depthwise convolution of blocked maps: a vector holds a pixel of as many channels, each with its own filter.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use super::{Rows, Share, Site, for_rows};
use crate::ops::Activation;
use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::simd::{Kernel, Simd};
use std::{ops::Range, sync::Arc};

/// Taps of a 3×3 filter.
pub(crate) const TAPS: usize = 9;
/// Pixels of a tile: their sums and the filter stay in AVX2's sixteen registers.
const PIXELS: usize = 4;

/// A 3×3 convolution of each channel by itself, with a border of one zero.
#[derive(Clone, Debug)]
pub(crate) struct Depthwise {
    /// `[block][tap][lane]`
    pub weights: Arc<Vec<f32>>,
    /// One value a channel, zeros up to the end of the last block.
    pub bias: Vec<f32>,
    pub activation: Activation,
    pub stride: usize,
}

impl Depthwise {
    /// Computes some rows of the result.
    ///
    /// # Safety
    /// Both maps lie in the site's memory, apart from each other, in blocks of as many channels as vectors have lanes,
    /// with zeros around the source; weights and bias are those of its channels.
    pub(crate) unsafe fn run(&self, site: &Site<'_>, rows: Range<usize>) {
        for_rows(site.to.blocks(), rows, Share::ANY_ROWS, site.team, |block, rows| {
            site.vectors.run(Rows { layer: self, site, block, rows });
        });
    }
}

impl Kernel for Rows<'_, Depthwise> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Depthwise { activation, stride, .. } = *self.layer;
        let Site { from, to, memory, .. } = *self.site;
        // SAFETY: the contract of `Depthwise::run`.
        unsafe {
            to.clear_halo(memory, self.block, self.rows.clone());
            let memory = memory.ptr();
            let weights = self.layer.weights.as_ptr().add(self.block * TAPS * S::LANES);
            let mut filter = [S::splat(0.0); TAPS];
            for tap in 0..TAPS {
                filter[tap] = S::load(weights.add(tap * S::LANES));
            }
            let bias = S::load(self.layer.bias.as_ptr().add(self.block * S::LANES));
            let apart = stride * S::LANES;
            for y in self.rows {
                let source = memory.add(from.at(self.block, y * stride, 0) - from.row() - S::LANES).cast_const();
                let out = memory.add(to.at(self.block, y, 0));
                let mut x = 0;
                while x + PIXELS <= to.w {
                    let (at, to) = (source.add(x * apart), out.add(x * S::LANES));
                    tile::<S, PIXELS>(at, from.row(), apart, &filter, bias, activation, to);
                    x += PIXELS;
                }
                while x < to.w {
                    let (at, to) = (source.add(x * apart), out.add(x * S::LANES));
                    tile::<S, 1>(at, from.row(), apart, &filter, bias, activation, to);
                    x += 1;
                }
            }
        }
    }
}

/// `P` pixels next to each other.
///
/// # Safety
/// All taps and outputs lie in the memory behind the pointers.
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize>(
    source: *const f32,
    row: usize,
    apart: usize,
    filter: &[S::V; TAPS],
    bias: S::V,
    activation: Activation,
    to: *mut f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut sums = [bias; P];
        for tap in 0..TAPS {
            let at = source.add(tap / 3 * row + tap % 3 * S::LANES);
            for p in 0..P {
                sums[p] = S::fma(S::load(at.add(p * apart)), filter[tap], sums[p]);
            }
        }
        for p in 0..P {
            S::store(to.add(p * S::LANES), activated_lanes::<S>(activation, sums[p]));
        }
    }
}

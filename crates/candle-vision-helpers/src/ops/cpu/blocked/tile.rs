//! The innermost loop of the convolution: some pixels of a few blocks of the result, kept in registers.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use crate::ops::Activation;
use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::simd::Simd;

/// Blocks of the result that a tile computes at once, where there are as many: a group.
pub(super) const BLOCKS: usize = 2;

/// Floats in a line of the cache.
pub(super) const LINE: usize = 16;

/// Most pixels of a tile whose source's pixels are one or two vectors apart. Two blocks of 12 take 24 of AVX-512's 32
/// registers, two of 6 take 12 of AVX2's 16; the rest is for weights and a pixel.
pub(super) const fn widest(lanes: usize) -> usize {
    if lanes == 16 { 12 } else { 6 }
}
/// Most pixels of any other tile: where each lies takes a register.
pub(super) const WIDEST_APART: usize = 6;

/// Where a pixel of the result lies, its source's first tap, and its residual.
#[derive(Clone, Copy, Default)]
pub(super) struct Spot {
    pub from: usize,
    pub to: usize,
    pub residual: usize,
}

/// Some pixels of `B` blocks of the result.
pub(super) struct Tile<'a> {
    /// The first pixel's first tap in the first block of channels; with spots, the first float of these.
    pub source: *const f32,
    pub plane: usize,
    pub channels: usize,
    pub block: usize,
    pub taps: &'a [usize],
    pub weights: *const f32,
    /// `None` where the result holds the sums of the channels before these.
    pub bias: Option<*const f32>,
    pub to: *mut f32,
    pub to_plane: usize,
    pub residual: Option<(*const f32, usize)>,
    /// Floats from one pixel of the result, and of the residual, to the next, where they are in a row.
    pub step: usize,
    /// Pixels that are not in a row.
    pub spots: &'a [Spot],
    pub activation: Activation,
}

impl Tile<'_> {
    /// Computes its `pixels`, at most [`widest`], or where `APART` is 0 its spots, at most [`WIDEST_APART`].
    ///
    /// # Safety
    /// The contract of [`Conv::run`](super::conv::Conv::run); the source's pixels are `APART` vectors apart, or where
    /// it is 0 there are as many spots.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd, const B: usize, const APART: usize>(&self, pixels: usize) {
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            match pixels {
                1 => self.fixed::<S, B, 1, APART>(),
                2 => self.fixed::<S, B, 2, APART>(),
                3 => self.fixed::<S, B, 3, APART>(),
                4 => self.fixed::<S, B, 4, APART>(),
                5 => self.fixed::<S, B, 5, APART>(),
                6 => self.fixed::<S, B, 6, APART>(),
                7 if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 7, APART>(),
                8 if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 8, APART>(),
                9 if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 9, APART>(),
                10 if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 10, APART>(),
                11 if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 11, APART>(),
                _ if APART > 0 && S::LANES == 16 => self.fixed::<S, B, 12, APART>(),
                _ => {}
            }
        }
    }

    #[inline(always)]
    unsafe fn fixed<S: Simd, const B: usize, const P: usize, const APART: usize>(&self) {
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            let spots: [Spot; P] = std::array::from_fn(|p| match APART {
                0 => *self.spots.get_unchecked(p),
                _ => Spot { from: p * APART * S::LANES, to: p * self.step, residual: p * self.step },
            });
            let zero = S::splat(0.0);
            let mut sums = [[zero; P]; B];
            match self.bias {
                Some(bias) => {
                    for b in 0..B {
                        sums[b] = [S::load(bias.add(b * S::LANES)); P];
                    }
                }
                None => {
                    for b in 0..B {
                        for p in 0..P {
                            sums[b][p] = S::load(self.to.add(b * self.to_plane + spots[p].to));
                        }
                    }
                }
            }
            let (mut weights, mut plane, mut left) = (self.weights, self.source, self.channels);
            while left > 0 {
                let channels = left.min(self.block);
                if self.taps.len() == 1 {
                    let soon = plane.wrapping_add(2 * self.plane);
                    for p in (0..P).step_by(if APART == 1 { 2 } else { 1 }) {
                        S::prefetch_near(soon.wrapping_add(spots[p].from));
                    }
                }
                for &tap in self.taps {
                    let pixels = plane.add(tap);
                    for k in 0..channels {
                        let mut w = [zero; B];
                        for b in 0..B {
                            w[b] = S::load(weights.add(b * S::LANES));
                        }
                        weights = weights.add(B * S::LANES);
                        for p in 0..P {
                            let x = S::splat(*pixels.add(spots[p].from + k));
                            for b in 0..B {
                                sums[b][p] = S::fma(x, w[b], sums[b][p]);
                            }
                        }
                    }
                }
                // behind the last block it is not looked at
                plane = plane.wrapping_add(self.plane);
                left -= channels;
            }
            // loops of little each, which the compiler unrolls: sums that a loop indexes would live in memory all along
            if let Some((residual, plane)) = self.residual {
                for b in 0..B {
                    for p in 0..P {
                        sums[b][p] = S::add(sums[b][p], S::load(residual.add(b * plane + spots[p].residual)));
                    }
                }
            }
            match self.activation {
                Activation::None => {}
                Activation::Relu => activate::<S, B, P>(&mut sums, Activation::Relu),
                Activation::Relu6 => activate::<S, B, P>(&mut sums, Activation::Relu6),
            }
            for b in 0..B {
                for p in 0..P {
                    S::store(self.to.add(b * self.to_plane + spots[p].to), sums[b][p]);
                }
            }
        }
    }
}

/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
unsafe fn activate<S: Simd, const B: usize, const P: usize>(sums: &mut [[S::V; P]; B], activation: Activation) {
    for b in 0..B {
        for p in 0..P {
            // SAFETY: the caller's contract.
            sums[b][p] = unsafe { activated_lanes::<S>(activation, sums[b][p]) };
        }
    }
}

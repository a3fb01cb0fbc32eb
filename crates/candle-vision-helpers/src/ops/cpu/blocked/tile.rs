//! The innermost loop of the convolution: some pixels of a few blocks of the result, kept in registers.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use crate::ops::Activation;
use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::simd::Simd;

/// Most pixels of a tile whose source's pixels are neighbors. Two blocks of 12 take 24 of AVX-512's 32 registers, two
/// of 6 take 12 of AVX2's 16; the rest is for weights and a pixel.
pub(super) const fn widest(lanes: usize) -> usize {
    if lanes == 16 { 12 } else { 6 }
}
/// Most pixels of any other tile: each needs a pointer of its own.
pub(super) const WIDEST_APART: usize = 4;

/// Some pixels next to each other of `B` blocks of the result.
pub(super) struct Tile<'a> {
    /// The first pixel's first tap in the first block of channels.
    pub source: *const f32,
    pub plane: usize,
    /// Floats from one pixel's source to the next one's.
    pub apart: usize,
    pub channels: usize,
    pub block: usize,
    pub taps: &'a [usize],
    pub weights: *const f32,
    /// `None` where the result holds the sums of the channels before these.
    pub bias: Option<*const f32>,
    pub to: *mut f32,
    pub to_plane: usize,
    pub residual: Option<(*const f32, usize)>,
    /// Floats from one pixel of the result, and of the residual, to the next.
    pub step: usize,
    pub activation: Activation,
}

impl Tile<'_> {
    /// Computes its `pixels`, at most [`WIDEST_APART`], or with `NEXT` [`widest`].
    ///
    /// # Safety
    /// The contract of [`Conv::run`](super::conv::Conv::run); with `NEXT` the source's pixels are a vector apart.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd, const B: usize, const NEXT: bool>(&self, pixels: usize) {
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            match pixels {
                1 => self.fixed::<S, B, 1, NEXT>(),
                2 => self.fixed::<S, B, 2, NEXT>(),
                3 => self.fixed::<S, B, 3, NEXT>(),
                4 => self.fixed::<S, B, 4, NEXT>(),
                5 if NEXT => self.fixed::<S, B, 5, NEXT>(),
                6 if NEXT => self.fixed::<S, B, 6, NEXT>(),
                7 if NEXT && S::LANES == 16 => self.fixed::<S, B, 7, NEXT>(),
                8 if NEXT && S::LANES == 16 => self.fixed::<S, B, 8, NEXT>(),
                9 if NEXT && S::LANES == 16 => self.fixed::<S, B, 9, NEXT>(),
                10 if NEXT && S::LANES == 16 => self.fixed::<S, B, 10, NEXT>(),
                11 if NEXT && S::LANES == 16 => self.fixed::<S, B, 11, NEXT>(),
                _ if NEXT && S::LANES == 16 => self.fixed::<S, B, 12, NEXT>(),
                _ => {}
            }
        }
    }

    #[inline(always)]
    unsafe fn fixed<S: Simd, const B: usize, const P: usize, const NEXT: bool>(&self) {
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            let apart = if NEXT { S::LANES } else { self.apart };
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
                            sums[b][p] = S::load(self.to.add(b * self.to_plane + p * self.step));
                        }
                    }
                }
            }
            let (mut weights, mut plane, mut left) = (self.weights, self.source, self.channels);
            while left > 0 {
                let channels = left.min(self.block);
                for &tap in self.taps {
                    let pixels = plane.add(tap);
                    for k in 0..channels {
                        let mut w = [zero; B];
                        for b in 0..B {
                            w[b] = S::load(weights.add(b * S::LANES));
                        }
                        weights = weights.add(B * S::LANES);
                        for p in 0..P {
                            let x = S::splat(*pixels.add(p * apart + k));
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
                        sums[b][p] = S::add(sums[b][p], S::load(residual.add(b * plane + p * self.step)));
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
                    S::store(self.to.add(b * self.to_plane + p * self.step), sums[b][p]);
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

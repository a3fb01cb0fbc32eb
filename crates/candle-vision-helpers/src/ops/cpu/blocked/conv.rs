//! Convolution of blocked maps: pixels of the source, one channel at a time, times vectors of weights, packed once in
//! the order in which they are read.

use super::tile::{Tile, WIDEST_APART, widest};
use super::{Share, Site, for_rows};
use crate::ops::Activation;
use crate::ops::cpu::simd::{Kernel, Simd};
use crate::ops::cpu::uncleared::room;
use crate::ops::shapes::elements;
use candle_core::Result;
use std::{ops::Range, sync::Arc};

/// Blocks of output channels that a tile computes at once, where there are as many.
const BLOCKS: usize = 2;

/// Floats of weights that are gone through for all pixels before the next ones: 24 KiB, which stay in a first-level
/// cache.
const NEAR: usize = 6144;

/// Floats in a line of the cache.
const LINE: usize = 16;

/// The taps of a kernel in one channel and its weights, `[group][input channel by blocks][tap][lane]`.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// Row and column of each tap.
    pub taps: Vec<[usize; 2]>,
    /// Where the first tap of the first output lies, from the source's first pixel: up and left of it.
    pub before: [usize; 2],
    /// The output's first pixel.
    pub first: [usize; 2],
    pub weights: Arc<Packed>,
}

/// A convolution, or a few of one source that each give some pixels of the result.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    /// One value a channel, zeros up to the end of the last block.
    pub bias: Vec<f32>,
    pub activation: Activation,
    /// Pixels of the source from one output to the next.
    pub stride: usize,
    /// Pixels of the result from one output to the next.
    pub step: usize,
    pub phases: Vec<Phase>,
}

/// Packed weights.
#[derive(Debug)]
pub(crate) struct Packed(Vec<f32>);

impl Packed {
    /// The weights of `o` output and `c` input channels, the latter in blocks of `block`, with `taps` taps; `at(o, c,
    /// tap)` gives each.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn new(
        [o, c, taps]: [usize; 3],
        block: usize,
        lanes: usize,
        at: impl Fn(usize, usize, usize) -> f32,
    ) -> Result<Self> {
        let blocks = o.div_ceil(lanes);
        let mut all = room(elements("packed weights", &[blocks, lanes, c, taps])?)?;
        for group in (0..blocks).step_by(BLOCKS) {
            let outputs = group * lanes..(group + BLOCKS).min(blocks) * lanes;
            for first in (0..c).step_by(block) {
                for tap in 0..taps {
                    for channel in first..c.min(first + block) {
                        all.extend(outputs.clone().map(|n| if n < o { at(n, channel, tap) } else { 0.0 }));
                    }
                }
            }
        }
        Ok(Self(all))
    }
}

impl Conv {
    /// Computes some rows of the result, whose bounds are multiples of the step.
    ///
    /// # Safety
    /// All maps lie in the site's memory, apart from each other but for the source and the residual; the source's zeros
    /// reach as far as its taps; the weights and the bias are those of its channels.
    pub(crate) unsafe fn run(&self, site: &Site<'_>, rows: Range<usize>) {
        let groups = site.to.blocks().div_ceil(BLOCKS);
        let rows = rows.start / self.step..rows.end / self.step;
        // what a thread has to fetch, and its cache to hold, is least
        let weights: usize = self.phases.iter().map(|phase| phase.weights.0.len()).sum();
        let share = if weights < site.from.len() { Share::Rows } else { Share::Parts };
        for_rows(self.phases.len() * groups, rows, share, site.team, |part, rows| {
            let (phase, group) = (part % self.phases.len(), part / self.phases.len());
            let phase_rows = Rows { conv: self, site, phase: &self.phases[phase], clears: phase == 0, group, rows };
            site.vectors.run(phase_rows);
        });
    }
}

/// Some rows of a group's outputs.
struct Rows<'a> {
    conv: &'a Conv,
    site: &'a Site<'a>,
    phase: &'a Phase,
    /// Whether the zeros around the result are this phase's.
    clears: bool,
    group: usize,
    /// Of the phase's outputs.
    rows: Range<usize>,
}

impl Kernel for Rows<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (c, to) = (self.conv, self.site.to);
        let block = self.group * BLOCKS;
        let blocks = BLOCKS.min(to.blocks() - block);
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            if self.clears {
                let rows = self.rows.start * c.step..self.rows.end * c.step;
                (block..block + blocks).for_each(|b| to.clear_halo(self.site.memory, b, rows.clone()));
            }
            match (blocks, c.stride == 1 && self.site.from.block == S::LANES) {
                (1, true) => self.rows::<S, 1, true>(),
                (1, false) => self.rows::<S, 1, false>(),
                (_, true) => self.rows::<S, BLOCKS, true>(),
                (_, false) => self.rows::<S, BLOCKS, false>(),
            }
        }
    }
}

impl Rows<'_> {
    #[inline(always)]
    unsafe fn rows<S: Simd, const B: usize, const NEXT: bool>(&self) {
        let (c, phase) = (self.conv, self.phase);
        let Site { from, to, residual, memory, .. } = *self.site;
        let taps: Vec<usize> = phase.taps.iter().map(|[y, x]| y * from.row() + x * from.block).collect();
        let depth = from.channels * taps.len();
        let widest = if NEXT { widest(S::LANES) } else { WIDEST_APART };
        let width = to.w / c.step;
        let tiles = width.div_ceil(widest);
        let block = self.group * BLOCKS;
        let of_channel = taps.len() * B * S::LANES;
        let near = (NEAR / (of_channel * from.block)).max(1) * from.block;
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            let memory = memory.ptr();
            let weights = phase.weights.0.as_ptr().add(block * S::LANES * depth);
            let [up, left] = phase.before;
            for first in (0..from.channels).step_by(near) {
                let last = (first + near).min(from.channels);
                let residual = residual.filter(|_| last == from.channels);
                // the weights behind these are the next ones, here or in the next group: they come while these are used
                let mut next = weights.wrapping_add(last * of_channel);
                let lines = (near.min(from.channels) * of_channel).div_ceil(LINE * self.rows.len().max(1));
                for y in self.rows.clone() {
                    for _ in 0..lines {
                        S::prefetch(next);
                        next = next.wrapping_add(LINE);
                    }
                    let line = from.at(first / from.block, y * c.stride, 0) - up * from.row() - left * from.block;
                    for tile in 0..tiles {
                        let (x, end) = (width * tile / tiles, width * (tile + 1) / tiles);
                        let (row, column) = (y * c.step + phase.first[0], x * c.step + phase.first[1]);
                        let tile = Tile {
                            source: memory.add(line + x * c.stride * from.block),
                            plane: from.plane(),
                            apart: c.stride * from.block,
                            channels: last - first,
                            block: from.block,
                            taps: &taps,
                            weights: weights.add(first * of_channel),
                            bias: (first == 0).then(|| c.bias.as_ptr().add(block * S::LANES)),
                            to: memory.add(to.at(block, row, column)),
                            to_plane: to.plane(),
                            residual: residual
                                .as_ref()
                                .map(|r| (memory.add(r.at(block, row, column)).cast_const(), r.plane())),
                            step: c.step * S::LANES,
                            activation: if last == from.channels { c.activation } else { Activation::None },
                        };
                        tile.run::<S, B, NEXT>(end - x);
                    }
                }
            }
        }
    }
}

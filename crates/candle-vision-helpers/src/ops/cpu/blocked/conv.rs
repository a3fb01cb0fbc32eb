//! Convolution of blocked maps: pixels of the source, one channel at a time, times vectors of weights, packed once in
//! the order in which they are read.

use super::tile::{BLOCKS, LINE, Spot, Tile, WIDEST_APART, widest};
use super::{Share, Site, TASKS, for_rows};
use crate::ops::Activation;
use crate::ops::cpu::parallel::part as cut;
use crate::ops::cpu::simd::{Kernel, Simd};
use crate::ops::cpu::uncleared::room;
use crate::ops::shapes::elements;
use candle_core::Result;
use std::{ops::Range, sync::Arc};

/// Floats of weights that are gone through for all pixels before the next ones: 24 KiB, which stay in a first-level
/// cache.
const NEAR: usize = 6144;

/// Floats of a source that stay in a second-level cache while all weights are gone through: 256 KiB.
const STRIP: usize = 1 << 16;

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
        let (share, gangs) = self.shared_out(site, groups);
        let (apart, width, first) = (self.apart(site), site.to.w / self.step, rows.start);
        let spots = |phase| rows.clone().flat_map(move |y| (0..width).map(move |x| self.spot(site, phase, y, x)));
        let spots: Vec<Vec<Spot>> = self.phases.iter().filter(|_| apart == 0).map(|p| spots(p).collect()).collect();
        for_rows(self.phases.len() * gangs, rows.clone(), share, site.team, |i, rows| {
            let (phase, gang) = (i % self.phases.len(), i / self.phases.len());
            let spots =
                spots.get(phase).map_or(&[][..], |s| &s[(rows.start - first) * width..(rows.end - first) * width]);
            let (start, end) = cut(groups, gang, gangs);
            let (clears, phase) = (phase == 0, &self.phases[phase]);
            site.vectors.run(Rows { conv: self, site, phase, clears, groups: start..end, rows, apart, spots });
        });
    }

    /// How the work is cut, so that least has to be fetched from afar: by rows or by groups, and into how many gangs of
    /// groups.
    fn shared_out(&self, site: &Site<'_>, groups: usize) -> (Share, usize) {
        let threads = site.team.threads();
        let weights: usize = self.phases.iter().map(|phase| phase.weights.0.len()).sum();
        let seen = self.phases.iter().flat_map(|p| &p.taps).map(|[y, _]| y + 1).max().unwrap_or(1).min(self.stride);
        let source = site.from.len() * seen / self.stride;
        if source > STRIP && weights >= source && site.to.len() <= 2 * STRIP {
            return (Share::Parts, groups.min(if threads == 1 { 1 } else { TASKS * threads }));
        }
        let strips = source.div_ceil(STRIP);
        let share = if strips > 1 && strips * weights < self.phases.len() * groups * source {
            Share::Rows { most: (site.to.h / self.step).div_ceil(strips) }
        } else if weights < source {
            Share::ANY_ROWS
        } else {
            Share::Parts
        };
        (share, groups)
    }

    /// Vectors from one pixel of the source to the next, or 0 where tiles take their pixels from anywhere: where that
    /// is not known to the compiler, or where rows would be cut into tiles of few pixels.
    fn apart(&self, site: &Site<'_>) -> usize {
        let (lanes, width) = (site.to.block, site.to.w / self.step);
        let narrow = lanes == 8 && width < 3 * widest(lanes);
        if site.from.block == lanes && self.stride <= 2 && !narrow { self.stride } else { 0 }
    }

    /// Where a pixel of a phase's outputs lies, in the first blocks of the maps.
    fn spot(&self, site: &Site<'_>, phase: &Phase, y: usize, x: usize) -> Spot {
        let Site { from, to, residual, .. } = site;
        let [up, left] = phase.before;
        let (row, column) = (y * self.step + phase.first[0], x * self.step + phase.first[1]);
        Spot {
            from: from.at(0, y * self.stride, x * self.stride) - up * from.row() - left * from.block,
            to: to.at(0, row, column),
            residual: residual.map_or(0, |r| r.at(0, row, column)),
        }
    }
}

/// Some rows of the outputs of a few groups.
struct Rows<'a> {
    conv: &'a Conv,
    site: &'a Site<'a>,
    phase: &'a Phase,
    /// Whether the zeros around the result are this phase's.
    clears: bool,
    groups: Range<usize>,
    /// Of the phase's outputs.
    rows: Range<usize>,
    /// See [`Conv::apart`].
    apart: usize,
    /// Where it is 0: all pixels of the rows.
    spots: &'a [Spot],
}

impl Kernel for Rows<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (c, from, to) = (self.conv, self.site.from, self.site.to);
        let near = (NEAR / (self.phase.taps.len() * BLOCKS * S::LANES * from.block)).max(1) * from.block;
        let blocks = self.groups.start * BLOCKS..to.blocks().min(self.groups.end * BLOCKS);
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            if self.clears {
                let rows = self.rows.start * c.step..self.rows.end * c.step;
                blocks.clone().for_each(|b| to.clear_halo(self.site.memory, b, rows.clone()));
            }
            // a gang's results stay near, so that all of it uses the same channels before the next ones come
            for first in (0..from.channels).step_by(near) {
                let channels = first..(first + near).min(from.channels);
                for block in blocks.clone().step_by(BLOCKS) {
                    let part = Part { block, channels: channels.clone() };
                    match (blocks.end - block, self.apart) {
                        (1, 1) => self.part::<S, 1, 1>(&part),
                        (1, 2) => self.part::<S, 1, 2>(&part),
                        (1, _) => self.part::<S, 1, 0>(&part),
                        (_, 1) => self.part::<S, BLOCKS, 1>(&part),
                        (_, 2) => self.part::<S, BLOCKS, 2>(&part),
                        (_, _) => self.part::<S, BLOCKS, 0>(&part),
                    }
                }
            }
        }
    }
}

/// The sums over some channels of the source for the group that begins with a block.
struct Part {
    block: usize,
    channels: Range<usize>,
}

impl Rows<'_> {
    #[inline(always)]
    unsafe fn part<S: Simd, const B: usize, const APART: usize>(&self, part: &Part) {
        let (c, phase) = (self.conv, self.phase);
        let Site { from, to, residual, memory, .. } = *self.site;
        let &Part { block, ref channels } = part;
        let taps: Vec<usize> = phase.taps.iter().map(|[y, x]| y * from.row() + x * from.block).collect();
        // rows and their tiles, or tiles of all spots
        let (rows, width) = if APART > 0 { (self.rows.len(), to.w / c.step) } else { (1, self.spots.len()) };
        let tiles = width.div_ceil(if APART > 0 { widest(S::LANES) } else { WIDEST_APART });
        let of_channel = taps.len() * B * S::LANES;
        let (is_first, is_last) = (channels.start == 0, channels.end == from.channels);
        // SAFETY: the contract of `Conv::run`.
        unsafe {
            let weights = phase.weights.0.as_ptr().add(block * S::LANES * from.channels * taps.len());
            let weights = weights.add(channels.start * of_channel);
            let bias = c.bias.as_ptr().add(block * S::LANES);
            // those of the next group come while these are used
            let ahead = if self.groups.len() > 1 { from.channels } else { channels.len() };
            let mut next = weights.wrapping_add(ahead * of_channel);
            let lines = (channels.len() * of_channel).div_ceil(LINE * (rows * tiles).max(1));
            let memory = memory.ptr();
            let source = memory.add(channels.start / from.block * from.plane());
            let result = memory.add(block * to.plane());
            let residual =
                residual.filter(|_| is_last).map(|r| (memory.add(block * r.plane()).cast_const(), r.plane()));
            for row in 0..rows {
                let line = match APART {
                    0 => Spot::default(),
                    _ => c.spot(self.site, phase, self.rows.start + row, 0),
                };
                for tile in 0..tiles {
                    for _ in 0..lines {
                        S::prefetch(next);
                        next = next.wrapping_add(LINE);
                    }
                    let (x, end) = cut(width, tile, tiles);
                    let column = x * APART.min(1);
                    let tile = Tile {
                        source: source.add(line.from + column * c.stride * from.block),
                        plane: from.plane(),
                        channels: channels.len(),
                        block: from.block,
                        taps: &taps,
                        weights,
                        bias: is_first.then_some(bias),
                        to: result.add(line.to + column * c.step * S::LANES),
                        to_plane: to.plane(),
                        residual: residual.map(|(r, plane)| (r.add(line.residual + column * c.step * S::LANES), plane)),
                        step: c.step * S::LANES,
                        spots: if APART > 0 { &[] } else { &self.spots[x..end] },
                        activation: if is_last { c.activation } else { Activation::None },
                    };
                    tile.run::<S, B, APART>(end - x);
                }
            }
        }
    }
}

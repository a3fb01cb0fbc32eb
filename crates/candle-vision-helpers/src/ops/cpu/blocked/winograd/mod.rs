//! 3×3 convolution of blocked maps with a quarter of the products: Winograd's minimal filtering, F(4×4, 3×3).
//!
//! The result is cut into tiles of 4×4 pixels. What they see of the source, 6×6 pixels, and the filters are taken as
//! polynomials along both axes and evaluated at 6 points each; there a convolution is a product, and the sums over
//! channels are 36 small matrix products. From these the tile is interpolated (Winograd 1980; Lavin and Gray 2016).

mod points;

use super::tile::{BLOCKS, LINE, Tile, widest};
use super::{Map, Share, Site, for_rows};
use crate::ops::Activation;
use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::parallel::part;
use crate::ops::cpu::simd::{Kernel, Simd};
pub(crate) use points::{Filters, evaluate, floats, pay};
use points::{at_points, interpolated};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::Arc;

/// Pixels of a tile of the result along an axis.
const SIDE: usize = 4;
/// Pixels that it sees, and points.
const POINTS: usize = 6;
const ALL: usize = POINTS * POINTS;
/// Tiles whose products are computed before the next ones: what they see stays in a second-level cache.
const TILES: usize = 24;
/// Least height and width of a result: below, tiles are too few for what their weights take to be fetched.
const LEAST: usize = 12;

/// A 3×3 convolution with zeros around the map.
#[derive(Clone, Debug)]
pub(crate) struct Winograd {
    /// `[group][point][input channel][lane]`
    weights: Arc<Filters>,
}

impl Winograd {
    pub(crate) fn new(weights: Arc<Filters>) -> Self {
        Self { weights }
    }

    /// As [`run`], of one picture.
    ///
    /// # Safety
    /// The contract of [`run`].
    pub(crate) unsafe fn run(&self, site: &Site<'_>, scratch: usize, bias: &[f32], activation: Activation) {
        // SAFETY: the caller's contract.
        unsafe { run(site, &Work { pictures: 1, scratch, weights: &self.weights.0, bias, activation }) }
    }
}

/// Whether a result of this height and width is computed this way.
pub(crate) fn suits(h: usize, w: usize) -> bool {
    h.min(w) >= LEAST
}

/// Floats that a picture's result takes while it is computed.
pub(crate) fn scratch(from: usize, h: usize, w: usize) -> usize {
    ALL * from * h.div_ceil(SIDE) * w.div_ceil(SIDE)
}

/// What is computed at a site, and with what.
pub(crate) struct Work<'a> {
    /// The site's maps are those of the first; behind each of them and a row of zeros come those of the next.
    pub pictures: usize,
    /// Where [`scratch`] floats for each picture begin.
    pub scratch: usize,
    /// [`floats`] that [`evaluate`] made.
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub activation: Activation,
}

/// Computes the result.
///
/// # Safety
/// The contract of [`Conv::run`](super::conv::Conv::run) for each picture, and nothing else touches the scratch floats.
pub(crate) unsafe fn run(site: &Site<'_>, work: &Work<'_>) {
    let (tiles, groups) = (work.pictures * tiles(&site.to), site.to.blocks().div_ceil(BLOCKS));
    let strips = tiles.div_ceil(TILES);
    let strip = |i| {
        let (first, end) = part(tiles, i, strips);
        first..end
    };
    for_rows(site.from.blocks(), 0..strips, Share::ANY_ROWS, site.team, |block, strips| {
        strips.for_each(|i| site.vectors.run(Seen { site, scratch: work.scratch, block, tiles: strip(i) }));
    });
    let share = if strips < site.team.threads() { Share::Parts } else { Share::Rows { most: 1 } };
    for_rows(groups, 0..strips, share, site.team, |group, strips| {
        for i in strips {
            site.vectors.run(Group { site, work, group, tiles: strip(i), first: i == 0 });
        }
    });
}

/// Tiles in a row of them.
fn across(to: &Map) -> usize {
    to.w.div_ceil(SIDE)
}

fn tiles(to: &Map) -> usize {
    across(to) * to.h.div_ceil(SIDE)
}

/// Where a tile lies: its picture, and its first pixel in this.
fn place(to: &Map, tile: usize) -> [usize; 3] {
    let (of_picture, across) = (tiles(to), across(to));
    [tile / of_picture, tile % of_picture / across * SIDE, tile % across * SIDE]
}

/// Floats from a picture's map to the next one's.
pub(crate) fn apart(map: &Map) -> usize {
    (map.h + 1) * map.row()
}

/// Where what some tiles see at a point lies, in the first block of channels: `[strip][point][block][tile][lane]`.
fn seen(scratch: usize, from: &Map, tiles: &Range<usize>, point: usize) -> usize {
    scratch + from.channels * (ALL * tiles.start + point * tiles.len())
}

/// What some tiles see of a block of the source's channels.
struct Seen<'a> {
    site: &'a Site<'a>,
    scratch: usize,
    block: usize,
    tiles: Range<usize>,
}

impl Kernel for Seen<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Site { from, to, memory, .. } = *self.site;
        // SAFETY: the contract of `run`; what lies outside of the zeros around the map is not read.
        unsafe {
            let zero = S::splat(0.0);
            for (i, tile) in self.tiles.clone().enumerate() {
                let [picture, y, x] = place(&to, tile);
                let first = from.at(self.block, y, x) + picture * apart(&from) - from.row() - S::LANES;
                let source = memory.ptr().add(first);
                let (high, wide) = (POINTS.min(from.h + 2 - y), POINTS.min(from.w + 2 - x));
                let mut rows = [[zero; POINTS]; POINTS];
                for column in 0..POINTS {
                    let mut pixels = [zero; POINTS];
                    for row in 0..POINTS {
                        if row < high && column < wide {
                            pixels[row] = S::load(source.add(row * from.row() + column * S::LANES));
                        }
                    }
                    let values = at_points::<S>(pixels);
                    for row in 0..POINTS {
                        rows[row][column] = values[row];
                    }
                }
                for row in 0..POINTS {
                    let values = at_points::<S>(rows[row]);
                    for column in 0..POINTS {
                        let at = seen(self.scratch, &from, &self.tiles, row * POINTS + column);
                        let at = at + (self.block * self.tiles.len() + i) * S::LANES;
                        S::store(memory.ptr().add(at), values[column]);
                    }
                }
            }
        }
    }
}

/// Some tiles of a group of the result's blocks.
struct Group<'a> {
    site: &'a Site<'a>,
    work: &'a Work<'a>,
    group: usize,
    tiles: Range<usize>,
    /// Whether the zeros around the group's result are cleared here.
    first: bool,
}

impl Kernel for Group<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let to = self.site.to;
        let block = self.group * BLOCKS;
        // SAFETY: the contract of `run`.
        unsafe {
            if self.first {
                let blocks = block..to.blocks().min(block + BLOCKS);
                blocks.for_each(|b| to.clear_halo(self.site.memory, b, 0..to.h));
            }
            match to.blocks() - block {
                1 => self.blocks::<S, 1>(),
                _ => self.blocks::<S, BLOCKS>(),
            }
        }
    }
}

impl Group<'_> {
    #[inline(always)]
    unsafe fn blocks<S: Simd, const N: usize>(&self) {
        let Site { from, memory, .. } = *self.site;
        // the most that any kind of processor takes
        let mut products = [const { MaybeUninit::<f32>::uninit() }; ALL * TILES * BLOCKS * 16];
        let products = products.as_mut_ptr().cast::<f32>();
        let (count, zeros) = (self.tiles.len(), [0f32; BLOCKS * 16]);
        let (tiles, of_point) = (count.div_ceil(widest(S::LANES)), from.channels * N * S::LANES);
        // SAFETY: the contract of `run`.
        unsafe {
            let weights = self.work.weights.as_ptr().add(self.group * BLOCKS * S::LANES * from.channels * ALL);
            for point in 0..ALL {
                let weights = weights.add(point * of_point);
                // those of the next point come while these are used
                let mut next = weights.wrapping_add(of_point);
                let source = memory.ptr().add(seen(self.work.scratch, &from, &self.tiles, point));
                let to = products.add(point * count * N * S::LANES);
                for tile in 0..tiles {
                    for _ in 0..of_point.div_ceil(LINE * tiles) {
                        S::prefetch(next);
                        next = next.wrapping_add(LINE);
                    }
                    let (first, end) = part(count, tile, tiles);
                    let tile = Tile {
                        source: source.add(first * S::LANES),
                        plane: count * S::LANES,
                        channels: from.channels,
                        block: S::LANES,
                        taps: &[0],
                        weights,
                        bias: Some(zeros.as_ptr()),
                        to: to.add(first * S::LANES),
                        to_plane: count * S::LANES,
                        residual: None,
                        step: S::LANES,
                        spots: &[],
                        activation: Activation::None,
                    };
                    tile.run::<S, N, 1>(end - first);
                }
            }
            for b in 0..N {
                for i in 0..count {
                    self.tile::<S>(b, self.tiles.start + i, products.add((b * count + i) * S::LANES), count * N);
                }
            }
        }
    }

    /// A tile of a block of the result from its products, which lie `count` vectors apart.
    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, b: usize, tile: usize, products: *const f32, count: usize) {
        let Site { to, residual, memory, .. } = *self.site;
        let ([picture, y, x], block) = (place(&to, tile), self.group * BLOCKS + b);
        // SAFETY: the contract of `run`; pixels outside of the result are not written.
        unsafe {
            let bias = S::load(self.work.bias.as_ptr().add(block * S::LANES));
            let zero = S::splat(0.0);
            let mut columns = [[zero; POINTS]; SIDE];
            for column in 0..POINTS {
                let at = |row: usize| S::load(products.add((row * POINTS + column) * count * S::LANES));
                let values = interpolated::<S>([at(0), at(1), at(2), at(3), at(4), at(5)]);
                for row in 0..SIDE {
                    columns[row][column] = values[row];
                }
            }
            for row in 0..SIDE.min(to.h - y) {
                let values = interpolated::<S>(columns[row]);
                let at = |map: &Map| memory.ptr().add(map.at(block, y + row, x) + picture * apart(map));
                let (result, residual) = (at(&to), residual.as_ref().map(at));
                for column in 0..SIDE.min(to.w - x) {
                    let mut value = S::add(values[column], bias);
                    if let Some(residual) = residual {
                        value = S::add(value, S::load(residual.add(column * S::LANES)));
                    }
                    S::store(result.add(column * S::LANES), activated_lanes::<S>(self.work.activation, value));
                }
            }
        }
    }
}

//! The product over taps without panels: where few rows would use a panel again, packing it costs more than it saves,
//! and the pixels are read where they lie. Also the correlation of few rows, as sums along the pixels.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use super::correlation::Correlation;
use super::gemm::Product;
use super::memory::{Scratch, Shared};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::tile;

/// Most rows for which [`Lines`] beats panels, measured on Zen 3: above, what packing costs is spread over enough rows.
const FEW_ROWS: usize = 48;

impl Product<'_> {
    /// Whether lines of the grid can be read and written in place, and few enough rows use them.
    pub(crate) fn suits_direct(&self, vectors: Vectors) -> bool {
        self.m <= FEW_ROWS && self.grid.dst_col == 1 && self.grid.cols >= 2 * vectors.lanes()
    }

    /// As [`run`](Product::run), line by line.
    ///
    /// # Safety
    /// As for [`run`](Product::run); the matrix is packed, and [`suits_direct`](Product::suits_direct) with these
    /// vectors.
    pub(crate) unsafe fn run_direct(&self, vectors: Vectors, packed: &[f32], dst: Shared) {
        let lines = self.grid.images * self.grid.rows;
        // about as much work a task as a panel's
        let block = (1024 / self.grid.cols).clamp(1, self.grid.rows);
        parallel::for_chunks(lines, block, |from, to| vectors.run(Lines { product: self, packed, dst, from, to }));
    }
}

struct Lines<'a> {
    product: &'a Product<'a>,
    packed: &'a [f32],
    dst: Shared,
    from: usize,
    to: usize,
}

impl Kernel for Lines<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Product { m, taps, src, ref grid, dst_plane, bias, relu, .. } = *self.product;
        let (wide, depth) = (2 * S::LANES, taps.len());
        let tiles = m.div_ceil(tile::MR);
        for line in self.from..self.to {
            let (image, row) = (line / grid.rows, line % grid.rows);
            let (from, to) = (
                image * grid.src_image + row * grid.src_row,
                grid.dst_base + image * grid.dst_image + row * grid.dst_row,
            );
            let mut j = 0;
            loop {
                for t in 0..tiles {
                    let (m0, m1) = tile::split(m, t);
                    // SAFETY: by the contract of `Product::run`; `suits_direct` made lines at least `wide` long.
                    unsafe {
                        let finish = tile::Finish {
                            accumulate: false,
                            bias: bias.map_or(std::ptr::null(), |b| b.as_ptr().add(m0)),
                            relu,
                        };
                        let b = tile::Rows::At { base: src.as_ptr().add(from + j), taps: taps.as_ptr() };
                        let c = self.dst.ptr().add(to + j + m0 * dst_plane);
                        let a = self.packed.as_ptr().add(m0 * depth);
                        tile::tile::<S>(m1 - m0, depth, a, 1, m1 - m0, b, c, dst_plane, finish);
                    }
                }
                if j + wide == grid.cols {
                    break;
                }
                // the last tile of a line may do some pixels again
                j = (j + wide).min(grid.cols - wide);
            }
        }
    }
}

/// Rows and taps of a tile of [`Dots`]: 12 sums, each a vector, fed by 7 loads.
const ROWS: usize = 3;
const TAPS: usize = 4;
/// Pixels a tile goes along before the next one: three rows and four taps of them fit the first-level cache.
const ALONG: usize = 1024;

/// As a [`Correlation`], for few rows: `a (images, m, plane)` and the source have the same pitch, so that a plane is
/// one line; where `a` is zero the source may be anything finite, up to [`SLACK`] beyond the last position.
pub(crate) struct Dots<'a> {
    pub a: &'a [f32],
    pub m: usize,
    /// Positions of a plane, a multiple of [`SLACK`].
    pub plane: usize,
    pub images: usize,
    pub taps: &'a [usize],
    pub src: &'a [f32],
    pub src_image: usize,
}

/// A multiple of every vector's length.
pub(crate) const SLACK: usize = 16;

impl Correlation<'_> {
    /// Whether [`Dots`] does it faster: packing pixels across costs about as much as six rows' arithmetic.
    pub(crate) fn suits_dots(m: usize) -> bool {
        m <= FEW_ROWS
    }
}

impl Dots<'_> {
    /// Writes `c`, `(m, taps)` row-major; the order of every sum is fixed.
    ///
    /// # Safety
    /// Every address that taps and planes give lies inside `src` and `a`; `c` holds `m * taps` floats.
    pub(crate) unsafe fn run(&self, c: Shared) {
        let vectors = Vectors::in_use();
        let quads = self.taps.len().div_ceil(TAPS);
        let rows = self.m.div_ceil(ROWS);
        let threads = rayon::current_num_threads();
        let group = if threads == 1 { quads } else { quads.div_ceil(4 * threads) };
        let groups = quads.div_ceil(group);
        let parts = if threads == 1 { 1 } else { (4 * threads).div_ceil(groups).min(rows) };
        parallel::for_each(groups * parts, |task| {
            let (g, part) = (task / parts, task % parts);
            vectors.run(DotGroup {
                work: self,
                c,
                quads: (g * group, quads.min((g + 1) * group)),
                rows: (rows * part / parts, rows * (part + 1) / parts),
            });
        });
    }
}

struct DotGroup<'a> {
    work: &'a Dots<'a>,
    c: Shared,
    quads: (usize, usize),
    rows: (usize, usize),
}

impl Kernel for DotGroup<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Dots { a, m, plane, images, taps, src, src_image } = *self.work;
        let (quads, rows) = (self.quads.1 - self.quads.0, self.rows.1 - self.rows.0);
        let tile = ROWS * TAPS * S::LANES;
        let mut sums = Scratch::new(quads * rows * tile);
        sums[..quads * rows * tile].fill(0.0);
        // tiles beyond the last row or tap do the last one again, and nobody reads their sums
        let row = |r: usize, i: usize| (r * ROWS + i).min(m - 1);
        let tap = |q: usize, i: usize| (q * TAPS + i).min(taps.len() - 1);
        // SAFETY: by the contract of `Dots::run`; `sums` holds a tile for each quad and row.
        unsafe {
            for image in 0..images {
                let mut p = 0;
                while p < plane {
                    let len = ALONG.min(plane - p);
                    for q in 0..quads {
                        let mut b = [src.as_ptr(); TAPS];
                        for i in 0..TAPS {
                            b[i] = src.as_ptr().add(image * src_image + taps[tap(self.quads.0 + q, i)] + p);
                        }
                        for r in 0..rows {
                            let mut x = [a.as_ptr(); ROWS];
                            for i in 0..ROWS {
                                x[i] = a.as_ptr().add((image * m + row(self.rows.0 + r, i)) * plane + p);
                            }
                            dot_tile::<S>(x, b, len, sums.as_mut_ptr().add((q * rows + r) * tile));
                        }
                    }
                    p += len;
                }
            }
            for q in 0..quads {
                for r in 0..rows {
                    for i in 0..ROWS {
                        for t in 0..TAPS {
                            let (i_at, t_at) = ((self.rows.0 + r) * ROWS + i, (self.quads.0 + q) * TAPS + t);
                            if i_at < m && t_at < taps.len() {
                                let sum = sums.as_ptr().add((q * rows + r) * tile + (i * TAPS + t) * S::LANES);
                                self.c.ptr().add(i_at * taps.len() + t_at).write(S::sum(S::load(sum)));
                            }
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn dot_tile<S: Simd>(x: [*const f32; ROWS], b: [*const f32; TAPS], len: usize, sums: *mut f32) {
    // SAFETY: the caller's contract: `len`, a multiple of LANES, floats behind every pointer, a tile of sums.
    unsafe {
        let mut s = [[S::splat(0.0); TAPS]; ROWS];
        for i in 0..ROWS {
            for t in 0..TAPS {
                s[i][t] = S::load(sums.add((i * TAPS + t) * S::LANES));
            }
        }
        let mut at = 0;
        while at < len {
            let rows = [S::load(x[0].add(at)), S::load(x[1].add(at)), S::load(x[2].add(at))];
            for t in 0..TAPS {
                let pixels = S::load(b[t].add(at));
                for i in 0..ROWS {
                    s[i][t] = S::fma(rows[i], pixels, s[i][t]);
                }
            }
            at += S::LANES;
        }
        for i in 0..ROWS {
            for t in 0..TAPS {
                S::store(sums.add((i * TAPS + t) * S::LANES), s[i][t]);
            }
        }
    }
}

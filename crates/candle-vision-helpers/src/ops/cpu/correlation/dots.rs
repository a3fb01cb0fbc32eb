//! The product over positions of few rows, as sums along the pixels: packing pixels across costs about as much as six
//! rows' arithmetic.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use super::Correlation;
use crate::ops::cpu::gemm::pack::Grid;
use crate::ops::cpu::parallel;
use crate::ops::cpu::scratch::Scratch;
use crate::ops::cpu::simd::{Kernel, Simd, Vectors};
use crate::ops::cpu::uncleared::Shared;

/// Rows and taps of a tile: 12 sums, each a vector, fed by 7 loads.
const ROWS: usize = 3;
const TAPS: usize = 4;
/// Pixels a tile goes along before the next one: three rows and four taps of them fit the first-level cache.
const ALONG: usize = 1024;

/// A multiple of every vector's length.
pub(crate) const SLACK: usize = 16;

/// Computes a product into `c` whose `a (images, m, plane)` has the source's pitch, so that a plane is one line of the
/// grid, a multiple of [`SLACK`] long; where `a` is zero the source may be anything finite, up to [`SLACK`] beyond the
/// last position.
///
/// # Safety
/// The contract of [`Correlation`].
pub(crate) unsafe fn run(work: &Correlation<'_>, vectors: Vectors, c: Shared) {
    let quads = work.taps.len().div_ceil(TAPS);
    let rows = work.m.div_ceil(ROWS);
    let threads = rayon::current_num_threads();
    let group = if threads == 1 { quads } else { quads.div_ceil(4 * threads) };
    let groups = quads.div_ceil(group);
    let parts = parallel::parts(4, groups, rows);
    parallel::for_each(groups * parts, |task| {
        let (g, part) = (task / parts, task % parts);
        vectors.run(DotGroup {
            work,
            c,
            quads: (g * group, quads.min((g + 1) * group)),
            rows: (rows * part / parts, rows * (part + 1) / parts),
        });
    });
}

struct DotGroup<'a> {
    work: &'a Correlation<'a>,
    c: Shared,
    quads: (usize, usize),
    rows: (usize, usize),
}

impl Kernel for DotGroup<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Correlation { a, m, taps, src, grid, .. } = *self.work;
        let Grid { images, cols: plane, src_image, .. } = grid;
        let (quads, rows) = (self.quads.1 - self.quads.0, self.rows.1 - self.rows.0);
        let tile = ROWS * TAPS * S::LANES;
        let mut sums = Scratch::new(quads * rows * tile);
        sums[..quads * rows * tile].fill(0.0);
        // tiles beyond the last row or tap do the last one again, and their sums are not read
        let row = |r: usize, i: usize| (r * ROWS + i).min(m - 1);
        let tap = |q: usize, i: usize| (q * TAPS + i).min(taps.len() - 1);
        // SAFETY: by the contract of `run`; `sums` holds a tile for each quad and row.
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

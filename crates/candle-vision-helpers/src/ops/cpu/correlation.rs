//! The product that sums over positions: `c[m][n] = sum over q of a[m][q] * src[tap[n] + at(q)]`, a convolution's
//! weight gradient.

use super::gemm::DEPTH;
use super::memory::{Scratch, Shared};
use super::pack::{self, Grid, Run};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::tile::{self, Finish, Rows};

/// A product that sums over positions: `c[m][n] = sum over q of a[m][q] * src[taps[n] + at(q)]`, where the rows of `a`
/// lie in planes as the grid's destination says (rows merged, columns neighbours).
pub(crate) struct Correlation<'a> {
    pub a: &'a [f32],
    /// From row `m` of `a` to the next.
    pub a_plane: usize,
    pub m: usize,
    pub taps: &'a [usize],
    pub src: &'a [f32],
    pub grid: Grid,
}

impl Correlation<'_> {
    /// Writes `c`, `(m, taps)` row-major. The order of every sum is fixed, whatever the threads.
    ///
    /// # Safety
    /// Every address that taps, grid and planes give lies inside `src` and `a`; `c` holds `m * taps` floats.
    pub(crate) unsafe fn run(&self, c: Shared) {
        let vectors = Vectors::in_use();
        let (n, wide) = (self.taps.len(), 2 * vectors.lanes());
        if n == 0 || self.m == 0 {
            return;
        }
        let n_tiles = n.div_ceil(wide);
        let threads = rayon::current_num_threads();
        // A group of taps sums in the second-level cache while the planes of `a` pass by.
        let group = (n_tiles.div_ceil(2 * threads)).clamp(1, (64 * 1024 / (self.m * wide)).max(1));
        let groups = n_tiles.div_ceil(group);
        let m_tiles = self.m.div_ceil(tile::MR);
        let parts = if threads == 1 { 1 } else { (2 * threads).div_ceil(groups).clamp(1, m_tiles.div_ceil(8)) };
        parallel::for_each(groups * parts, |task| {
            let (g, part) = (task / parts, task % parts);
            vectors.run(Group {
                work: self,
                c,
                n: (g * group * wide, ((g + 1) * group * wide).min(n)),
                tiles: (m_tiles * part / parts, m_tiles * (part + 1) / parts),
            });
        });
    }
}

struct Group<'a> {
    work: &'a Correlation<'a>,
    c: Shared,
    n: (usize, usize),
    tiles: (usize, usize),
}

impl Kernel for Group<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Correlation { a, a_plane, m, taps, src, ref grid } = *self.work;
        let (l, wide) = (S::LANES, 2 * S::LANES);
        let n_tiles = (self.n.1 - self.n.0).div_ceil(wide);
        let first_row = tile::split(m, self.tiles.0).0;
        let rows = tile::split(m, self.tiles.1 - 1).1 - first_row;
        let mut sums = Scratch::new(n_tiles * rows * wide);
        sums[..n_tiles * rows * wide].fill(0.0);
        let mut packed = Scratch::new(DEPTH * wide);
        let mut runs = Vec::with_capacity(DEPTH / l);
        let pixels = grid.rows * grid.cols;
        // SAFETY: by the contract of `Correlation::run`; the scratch buffers are as large as they are indexed.
        unsafe {
            for image in 0..grid.images {
                let mut q0 = 0;
                while q0 < pixels {
                    let q1 = pixels.min(q0 + DEPTH);
                    runs.clear();
                    let (from, end) = (image * pixels + q0, image * pixels + q1);
                    runs.extend((from..end).step_by(l).map(|q| Run::of(grid, q, end, l)));
                    let a = a.as_ptr().add(grid.dst_base + image * grid.dst_image + q0);
                    for tile_n in 0..n_tiles {
                        let n0 = self.n.0 + tile_n * wide;
                        let some = &taps[n0..taps.len().min(n0 + wide)];
                        pack::taps::<S>(src.as_ptr(), some, &runs, packed.as_mut_ptr());
                        let panel = packed.as_ptr();
                        for t in self.tiles.0..self.tiles.1 {
                            let (m0, m1) = tile::split(m, t);
                            let c = sums.as_mut_ptr().add((tile_n * rows + m0 - first_row) * wide);
                            let a = a.add(m0 * a_plane);
                            tile::tile::<S>(m1 - m0, q1 - q0, a, a_plane, 1, Rows::Panel(panel), c, wide, Finish::ADD);
                        }
                    }
                    q0 = q1;
                }
            }
            for tile_n in 0..n_tiles {
                let n0 = self.n.0 + tile_n * wide;
                let some = taps.len().min(n0 + wide) - n0;
                for row in 0..rows {
                    let from = sums.as_ptr().add((tile_n * rows + row) * wide);
                    let to = self.c.ptr().add((first_row + row) * taps.len() + n0);
                    std::ptr::copy_nonoverlapping(from, to, some);
                }
            }
        }
    }
}

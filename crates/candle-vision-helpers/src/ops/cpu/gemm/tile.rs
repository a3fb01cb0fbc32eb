//! The innermost loop of every product here: a tile of `mr` rows by two vectors kept in registers.

#![allow(clippy::needless_range_loop)] // the indices name registers: an iterator would hide which

use crate::ops::Activation;
use crate::ops::cpu::activation::activated_lanes;
use crate::ops::cpu::simd::Simd;
use crate::ops::epilogue::Epilogue;

/// Most rows of a tile, of two vectors each: 12 of AVX2's 16 registers add up, 24 of AVX-512's 32.
const fn most(lanes: usize) -> usize {
    if lanes == 16 { 12 } else { 6 }
}

/// The tiles that rows are cut into: as even as can be, since a tile of one row wastes most of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    rows: usize,
    pub count: usize,
}

impl Tiles {
    /// Those of `rows` rows, for vectors of so many lanes.
    pub(crate) fn of(rows: usize, lanes: usize) -> Self {
        Self { rows, count: rows.div_ceil(most(lanes)) }
    }

    /// The first row of the `i`-th tile, and the one behind its last.
    pub(crate) fn rows(self, i: usize) -> (usize, usize) {
        (self.rows * i / self.count, self.rows * (i + 1) / self.count)
    }
}

/// Where the rows of two vectors lie that a tile sums over.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    /// One after another.
    Panel(*const f32),
    /// Each `taps[k]` behind the base.
    At { base: *const f32, taps: *const usize },
}

/// Where a tile's sums start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    /// From nothing.
    New,
    /// From what stands at the destination.
    Continued,
}

/// What a word of a matrix and of a panel is: its 32 bits hold one f32, or more of another type.
pub(crate) trait Factors<S: Simd> {
    /// Factors in a word.
    const EACH: usize;
    /// `sum` and the products of the factors of two words.
    ///
    /// # Safety
    /// The processor must have the features of `S`.
    unsafe fn add_products(a: S::V, b: S::V, sum: S::V) -> S::V;
}

/// f32.
pub(crate) struct Single;

impl<S: Simd> Factors<S> for Single {
    const EACH: usize = 1;
    #[inline(always)]
    unsafe fn add_products(a: S::V, b: S::V, sum: S::V) -> S::V {
        // SAFETY: the caller's contract.
        unsafe { S::fma(a, b, sum) }
    }
}

/// Some rows of a product, two vectors of columns wide: `c[m][0 .. 2 LANES] = sum over k of a[m * a_row + k * a_k] *
/// b[k][0 .. 2 LANES]`, then the epilogue. `a` and `b` are words.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// Rows: 1 to [`most`].
    pub height: usize,
    /// Words of each sum.
    pub depth: usize,
    pub a: *const f32,
    pub a_row: usize,
    pub a_k: usize,
    pub b: Rows,
    pub c: *mut f32,
    pub c_row: usize,
    pub sum: Sum,
    /// Its bias has a value for each row, its residual lies as `c` does.
    pub epilogue: Epilogue<*const f32>,
}

impl Tile {
    /// Computes it.
    ///
    /// # Safety
    /// All that is addressed lies inside the buffers.
    #[inline(always)]
    pub(crate) unsafe fn run<S: Simd, F: Factors<S>>(&self) {
        // SAFETY: the caller's contract.
        unsafe {
            match self.height {
                1 => self.rows::<S, F, 1>(),
                2 => self.rows::<S, F, 2>(),
                3 => self.rows::<S, F, 3>(),
                4 => self.rows::<S, F, 4>(),
                5 => self.rows::<S, F, 5>(),
                6 => self.rows::<S, F, 6>(),
                7 if S::LANES == 16 => self.rows::<S, F, 7>(),
                8 if S::LANES == 16 => self.rows::<S, F, 8>(),
                9 if S::LANES == 16 => self.rows::<S, F, 9>(),
                10 if S::LANES == 16 => self.rows::<S, F, 10>(),
                11 if S::LANES == 16 => self.rows::<S, F, 11>(),
                _ if S::LANES == 16 => self.rows::<S, F, 12>(),
                _ => {}
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<S: Simd, F: Factors<S>, const M: usize>(&self) {
        // SAFETY: the caller's contract.
        unsafe {
            if self.a_row == 1 && self.a_k == M {
                // steps that the compiler knows take no registers
                Self { a_row: 1, a_k: M, ..*self }.fixed::<S, F, M>();
            } else {
                self.fixed::<S, F, M>();
            }
        }
    }

    #[inline(always)]
    unsafe fn fixed<S: Simd, F: Factors<S>, const M: usize>(&self) {
        let Self { depth, a, a_row, a_k, b, c, c_row, sum, epilogue, .. } = *self;
        // SAFETY: the caller's contract.
        unsafe {
            let mut sums = [[S::splat(0.0); 2]; M];
            let mut a_at = a;
            for k in 0..depth {
                let row = match b {
                    Rows::Panel(first) => first.add(k * 2 * S::LANES),
                    Rows::At { base, taps } => base.add(*taps.add(k)),
                };
                let (b0, b1) = (S::load(row), S::load(row.add(S::LANES)));
                for m in 0..M {
                    let x = S::splat(*a_at.add(m * a_row));
                    sums[m][0] = F::add_products(x, b0, sums[m][0]);
                    sums[m][1] = F::add_products(x, b1, sums[m][1]);
                }
                a_at = a_at.add(a_k);
            }
            // loops of little each, which the compiler unrolls: sums that a loop indexes would live in memory all along
            if sum == Sum::Continued {
                for m in 0..M {
                    for v in 0..2 {
                        sums[m][v] = S::add(S::load(c.add(m * c_row + v * S::LANES)), sums[m][v]);
                    }
                }
            }
            if let Some(bias) = epilogue.bias {
                for m in 0..M {
                    for v in 0..2 {
                        sums[m][v] = S::add(sums[m][v], S::splat(*bias.add(m)));
                    }
                }
            }
            if let Some(residual) = epilogue.residual {
                for m in 0..M {
                    for v in 0..2 {
                        sums[m][v] = S::add(sums[m][v], S::load(residual.add(m * c_row + v * S::LANES)));
                    }
                }
            }
            match epilogue.activation {
                Activation::None => {}
                Activation::Relu => activate::<S, M>(&mut sums, Activation::Relu),
                Activation::Relu6 => activate::<S, M>(&mut sums, Activation::Relu6),
            }
            for m in 0..M {
                for v in 0..2 {
                    S::store(c.add(m * c_row + v * S::LANES), sums[m][v]);
                }
            }
        }
    }
}

/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
unsafe fn activate<S: Simd, const M: usize>(sums: &mut [[S::V; 2]; M], activation: Activation) {
    for m in 0..M {
        for v in 0..2 {
            // SAFETY: the caller's contract.
            sums[m][v] = unsafe { activated_lanes::<S>(activation, sums[m][v]) };
        }
    }
}

//! Which kernel serves which shape: tables with all thresholds, of which the first row that suits is taken.
//!
//! A new kernel is a new file and a row here.

use super::blocked::winograd;
use super::correlation::{self, Correlation, dots};
use super::gemm::{Matrix, Product, lines, pairs, panels};
use super::simd::{
    Vectors,
    products::{Parts, Products},
};
use super::tiles;
use super::uncleared::Shared;
use crate::ops::shapes::ConvShape;

/// Most rows for which it pays to read pixels where they lie, measured on Zen 3: above, what packing them costs is
/// spread over enough rows.
const FEW_ROWS: usize = 48;
/// Most positions for which the matrix of a product is read as it stands: packing it would cost more than it saves.
const FEW_POSITIONS: usize = 256;
/// The same for AVX-512, whose taller tiles pass over a matrix less often, measured on Zen 5: it takes no more time,
/// and the packed matrix no memory.
const FEW_POSITIONS_512: usize = 2000;

/// A way to compute a product over taps.
struct ProductKernel {
    suits: fn(&Product<'_>, Vectors) -> bool,
    run: unsafe fn(&Product<'_>, Vectors, Shared),
}

const PRODUCTS: [ProductKernel; 4] = [
    ProductKernel { suits: |p, _| matches!(p.matrix, Matrix::Tiles(_)), run: tiles::product::run },
    ProductKernel { suits: |p, vectors| in_pairs(p.m, vectors), run: pairs::run },
    ProductKernel { suits: |p, vectors| p.m <= FEW_ROWS && lines::can(p, vectors), run: lines::run },
    ProductKernel { suits: |_, _| true, run: panels::run },
];

/// A way to compute a product over positions.
#[derive(Clone, Copy)]
pub(crate) struct CorrelationKernel {
    suits: fn(usize, Vectors) -> bool,
    /// Whether `a` must have the source's pitch, each plane one line (see [`dots::run`]).
    pub pitched: bool,
    run: unsafe fn(&Correlation<'_>, Vectors, Shared),
}

const CORRELATIONS: [CorrelationKernel; 4] = [
    CorrelationKernel {
        suits: |rows, vectors| in_tiles(rows, vectors).is_some(),
        pitched: false,
        run: tiles::correlation::run,
    },
    CorrelationKernel { suits: in_pairs, pitched: false, run: correlation::pairs::run },
    CorrelationKernel { suits: |rows, _| rows <= FEW_ROWS, pitched: true, run: dots::run },
    CorrelationKernel { suits: |_, _| true, pitched: false, run: correlation::panels::run },
];

/// Whether products of so many rows are of bf16 pairs: what reads pixels where they lie finds none there.
pub(crate) fn in_pairs(rows: usize, vectors: Vectors) -> bool {
    rows > FEW_ROWS && vectors.products() == Products::Pairs
}

/// The parts of factors that products of so many rows are computed from by tiles; none where they are not. Below as
/// many rows as two tiles have, zeros are multiplied.
pub(crate) fn in_tiles(rows: usize, vectors: Vectors) -> Option<Parts> {
    match vectors.products() {
        Products::Tiles(parts) if rows > FEW_ROWS => Some(parts),
        _ => None,
    }
}

/// Whether a convolution, or its input's gradient, is computed with a quarter of the products: a 3×3 one of many enough
/// channels and pixels, where the processor has no quicker products. How many maps there are plays no part: a picture's
/// result has the same bits in any batch.
pub(crate) fn with_fewer_products(s: &ConvShape, vectors: Vectors) -> bool {
    winograd::pay([s.o, s.c, s.kh, s.kw], s.p)
        && winograd::suits(s.h, s.w)
        && [s.o, s.c].iter().all(|&rows| in_tiles(rows, vectors).is_none() && !in_pairs(rows, vectors))
}

/// Whether a product of so many rows over so many positions packs its matrix first.
pub(crate) fn packs(rows: usize, positions: usize, vectors: Vectors) -> bool {
    let few = if rows > FEW_ROWS && vectors.lanes() == 16 { FEW_POSITIONS_512 } else { FEW_POSITIONS };
    positions > few
}

/// Computes a product over taps into `dst`.
///
/// # Safety
/// The contract of [`Product`].
pub(crate) unsafe fn product(p: &Product<'_>, vectors: Vectors, dst: Shared) {
    if p.grid.len() == 0 || p.m == 0 {
        return;
    }
    if let Some(kernel) = PRODUCTS.iter().find(|k| (k.suits)(p, vectors)) {
        // SAFETY: the caller's contract, and the kernel suits.
        unsafe { (kernel.run)(p, vectors, dst) }
    }
}

/// The kernel for a product over positions with so many rows.
pub(crate) fn correlation(rows: usize, vectors: Vectors) -> CorrelationKernel {
    let last = CORRELATIONS[CORRELATIONS.len() - 1];
    CORRELATIONS.into_iter().find(|k| (k.suits)(rows, vectors)).unwrap_or(last)
}

impl CorrelationKernel {
    /// Computes a product over positions into `c`.
    ///
    /// # Safety
    /// The contract of [`Correlation`]; it is pitched where the kernel asks for that. The vectors are those that the
    /// kernel was chosen for.
    pub(crate) unsafe fn run(self, work: &Correlation<'_>, vectors: Vectors, c: Shared) {
        if work.taps.is_empty() || work.m == 0 {
            return;
        }
        // SAFETY: the caller's contract.
        unsafe { (self.run)(work, vectors, c) }
    }
}

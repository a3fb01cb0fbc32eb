//! Arithmetic of sizes: what overflows, or no memory could hold, is an error. The kernels' safety rests on it.

use candle_core::{Result, bail};

/// Pixels along an axis at most, with all padding: cuDNN counts them in 32 bits, and two such lengths multiply without
/// overflow.
const LONGEST: usize = i32::MAX as usize;

/// The length `base + a b` along an axis.
pub(crate) fn length(name: &str, axis: &str, base: usize, a: usize, b: usize) -> Result<usize> {
    match a.checked_mul(b).and_then(|ab| ab.checked_add(base)) {
        Some(n) if n <= LONGEST => Ok(n),
        _ => bail!("{name}: at most {LONGEST} pixels in {axis} are possible, got {base} + {a} x {b}"),
    }
}

/// The number of elements of these dimensions.
pub(crate) fn elements(name: &str, dims: &[usize]) -> Result<usize> {
    match dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) {
        Some(n) if n <= isize::MAX as usize / size_of::<f32>() => Ok(n),
        _ => bail!("{name}: {dims:?} are more elements than any memory holds"),
    }
}

//! Shapes of operations on every device: what is checked before a kernel runs, and the sizes of what it writes.
//!
//! What overflows, or no memory could hold, is an error: the kernels' safety rests on it.

mod conv;
mod planes;
mod window;

pub use conv::ConvParams;
pub(crate) use conv::ConvShape;
pub(crate) use planes::Planes;
pub(crate) use window::Window;

use candle_core::{Result, Tensor, bail};

/// Pixels along an axis at most, with all padding: cuDNN counts them in 32 bits, and two such lengths multiply without
/// overflow.
const LONGEST: usize = i32::MAX as usize;

/// The length `base + a b` along an axis.
pub(crate) fn length(name: &str, axis: &str, base: usize, a: usize, b: usize) -> Result<usize> {
    match a.checked_mul(b).and_then(|ab| ab.checked_add(base)) {
        Some(n) if n <= LONGEST => Ok(n),
        _ => bail!("{name}: {axis}: expected at most {LONGEST} pixels, got {base} + {a} x {b}"),
    }
}

/// The number of elements of these dimensions.
pub(crate) fn elements(name: &str, dims: &[usize]) -> Result<usize> {
    match dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) {
        Some(n) if n <= isize::MAX as usize / size_of::<f32>() => Ok(n),
        _ => bail!("{name}: expected no more elements than memory holds, got {dims:?}"),
    }
}

/// Checks that a tensor is `(B, C, H, W)` and not empty.
pub(crate) fn maps(name: &str, x: &Tensor) -> Result<[usize; 4]> {
    let &[b, c, h, w] = x.dims() else { bail!("{name}: input: expected (B, C, H, W), got {:?}", x.dims()) };
    filled(name, "input", x.dims())?;
    Ok([b, c, h, w])
}

/// Checks that an argument of these dimensions has elements, and not too many.
pub(crate) fn filled(name: &str, argument: &str, dims: &[usize]) -> Result<usize> {
    match elements(name, dims)? {
        0 => bail!("{name}: {argument}: expected sizes above zero, got {dims:?}"),
        n => Ok(n),
    }
}

/// Checks the dimensions of an argument.
pub(crate) fn shaped(name: &str, argument: &str, expected: &[usize], got: &[usize]) -> Result<()> {
    if expected == got { Ok(()) } else { bail!("{name}: {argument}: expected {expected:?}, got {got:?}") }
}

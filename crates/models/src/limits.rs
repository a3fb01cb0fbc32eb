//! Bounds that every network keeps: what would be a typo is reported, not allocated.

use candle_vision_helpers::{Wrong, wrong::ensure};
use std::ops::RangeInclusive;

pub(crate) const MAX_CHANNELS: usize = 4096;
pub(crate) const MAX_HIDDEN: usize = 65536;
pub(crate) const MAX_KERNEL: usize = 31;
pub(crate) const MAX_STAGES: usize = 11;
/// A gigabyte in 32 bits: of weights, or of one picture's largest maps.
const MAX_VALUES: usize = 1 << 28;

/// Refuses a size out of bounds.
///
/// # Errors
/// The key, its bounds and the size.
pub(crate) fn within(at: &str, value: usize, bounds: RangeInclusive<usize>) -> Result<(), Wrong> {
    ensure(at, value, format_args!("{} to {}", bounds.start(), bounds.end()), |v| bounds.contains(v))
}

/// Refuses more than [`MAX_VALUES`] of something that is the sum of these products.
///
/// # Errors
/// The key that asks for them, and what they are.
pub(crate) fn bounded(at: &str, what: &str, products: &[&[usize]]) -> Result<(), Wrong> {
    let product = |p: &&[usize]| p.iter().try_fold(1usize, |a, &b| a.checked_mul(b));
    let sum = products.iter().map(product).try_fold(0usize, |a, b| a.checked_add(b?));
    let expected = format!("at most {MAX_VALUES} {what}");
    match sum {
        Some(n) if n <= MAX_VALUES => Ok(()),
        Some(n) => Err(Wrong::new(at, expected, n)),
        None => Err(Wrong::new(at, expected, "more than can be counted")),
    }
}

//! Sums over ranks, added in the order of ranks whatever they travel by: the same bits on every rank, in every run.

use super::Ranks;
use crate::error::Result;
use bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Bytes up to which every rank simply hears all: beyond, the traffic would grow with the number of ranks.
const FEW: usize = 64 << 10;

/// What can be summed; sums are taken in double precision and rounded once.
pub(crate) trait Number: Pod + Into<f64> {
    fn rounded(sum: f64) -> Self;
}

impl Number for f32 {
    fn rounded(sum: f64) -> Self {
        sum as Self
    }
}

impl Number for f64 {
    fn rounded(sum: f64) -> Self {
        sum
    }
}

/// Replaces each value by its sum over all ranks, which all give as many values.
pub(super) fn in_order<T: Number>(ranks: &dyn Ranks, values: &mut [T]) -> Result<()> {
    let (count, len) = (ranks.count(), values.len());
    if len == 0 {
        return Ok(());
    }
    if size_of_val(values) * count <= FEW {
        let mut all = vec![T::zeroed(); count * len];
        ranks.gather(cast_slice(values), cast_slice_mut(&mut all))?;
        add(&all, values);
        return Ok(());
    }
    // Each rank adds up one part for all: to a rank come two times the values, however many ranks there are.
    let part = len.div_ceil(count);
    let mut own = values.to_vec();
    own.resize(part * count, T::zeroed());
    let mut theirs = vec![T::zeroed(); part * count];
    ranks.exchange(cast_slice(&own), cast_slice_mut(&mut theirs))?;
    let mut sums = vec![T::zeroed(); part];
    add(&theirs, &mut sums);
    ranks.gather(cast_slice(&sums), cast_slice_mut(&mut own))?;
    values.copy_from_slice(&own[..len]);
    Ok(())
}

/// The sums of `rows`, one of each rank, in their order.
fn add<T: Number>(rows: &[T], sums: &mut [T]) {
    let mut totals = vec![0f64; sums.len()];
    for row in rows.chunks_exact(sums.len()) {
        totals.iter_mut().zip(row).for_each(|(total, &value)| *total += value.into());
    }
    sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = T::rounded(total));
}

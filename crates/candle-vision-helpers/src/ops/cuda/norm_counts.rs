//! How a normalization's tensor is cut for its kernels.

use super::launch::{THREADS, count};
use crate::ops::shapes::Planes;
use candle_core::Result;

/// Elements that a thread sums up at least, so that small tensors are not cut into more blocks than pay.
const A_THREAD: usize = 8;
/// Most blocks for a channel.
const MAX_SPLITS: usize = 64;

/// A tensor's sizes as the kernels take them.
pub(super) struct Counts {
    pub channels: u32,
    pub plane: u32,
    /// Elements of a channel.
    pub count: u32,
    pub splits: u32,
    pub len: u64,
}

impl Counts {
    pub(super) fn of(s: &Planes) -> Result<Self> {
        let elements = s.count();
        let splits = (elements / (THREADS * A_THREAD)).clamp(1, MAX_SPLITS);
        // the kernels step by a grid's threads beyond the last element
        count(elements + splits * THREADS)?;
        Ok(Self {
            channels: count(s.c)?,
            plane: count(s.plane)?,
            count: count(elements)?,
            splits: count(splits)?,
            len: (elements * s.c) as u64,
        })
    }

    pub(super) fn a_thread_a_channel(&self) -> usize {
        (self.channels as usize).div_ceil(THREADS)
    }
}

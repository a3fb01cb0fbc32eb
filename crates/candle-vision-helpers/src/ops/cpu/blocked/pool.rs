//! Max-pooling of blocked maps.

use super::{Map, Rows, for_rows};
use crate::ops::cpu::simd::{Kernel, Simd, Vectors};
use crate::ops::cpu::uncleared::Shared;
use std::ops::Range;

/// The largest value of each window. What is padded counts for nothing, and NaN is above every number.
#[derive(Clone, Debug)]
pub(crate) struct MaxPool {
    pub from: Map,
    pub to: Map,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl MaxPool {
    /// Computes the result.
    ///
    /// # Safety
    /// Both maps lie in `memory`, apart from each other, in blocks of as many channels as vectors have lanes; the
    /// padding is at most half the kernel.
    pub(crate) unsafe fn run(&self, memory: Shared, vectors: Vectors, alone: bool) {
        for_rows(self.to.blocks(), self.to.h, alone, |block, rows| {
            vectors.run(Rows { layer: self, block, rows, memory });
        });
    }

    /// The pixels of an axis that the window of output `i` holds.
    fn window(&self, i: usize, len: usize) -> Range<usize> {
        let first = i * self.stride;
        first.saturating_sub(self.padding)..(first + self.kernel - self.padding).min(len)
    }
}

impl Kernel for Rows<'_, MaxPool> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let MaxPool { from, to, .. } = *self.layer;
        // SAFETY: the contract of `MaxPool::run`.
        unsafe {
            to.clear_halo(self.memory, self.block, self.rows.clone());
            let memory = self.memory.ptr();
            for y in self.rows {
                let rows = self.layer.window(y, from.h);
                for x in 0..to.w {
                    let mut most = S::splat(f32::NEG_INFINITY);
                    for y in rows.clone() {
                        for x in self.layer.window(x, from.w) {
                            most = S::greater(S::load(memory.add(from.at(self.block, y, x))), most);
                        }
                    }
                    S::store(memory.add(to.at(self.block, y, x)), most);
                }
            }
        }
    }
}

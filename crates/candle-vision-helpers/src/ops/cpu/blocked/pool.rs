//! Max-pooling of blocked maps.

use super::{Rows, Share, Site, for_rows};
use crate::ops::cpu::simd::{Kernel, Simd};
use std::ops::Range;

/// The largest value of each window. What is padded counts for nothing, and NaN is above every number.
#[derive(Clone, Debug)]
pub(crate) struct MaxPool {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl MaxPool {
    /// Computes some rows of the result.
    ///
    /// # Safety
    /// Both maps lie in the site's memory, apart from each other, in blocks of as many channels as vectors have lanes;
    /// the padding is at most half the kernel.
    pub(crate) unsafe fn run(&self, site: &Site<'_>, rows: Range<usize>) {
        for_rows(site.to.blocks(), rows, Share::ANY_ROWS, site.team, |block, rows| {
            site.vectors.run(Rows { layer: self, site, block, rows });
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
        let Site { from, to, memory, .. } = *self.site;
        // SAFETY: the contract of `MaxPool::run`.
        unsafe {
            to.clear_halo(memory, self.block, self.rows.clone());
            let memory = memory.ptr();
            for y in self.rows {
                let rows = self.layer.window(y, from.h);
                let line = memory.add(from.at(self.block, rows.start, 0)).cast_const();
                let out = memory.add(to.at(self.block, y, 0));
                for x in 0..to.w {
                    let columns = self.layer.window(x, from.w);
                    let mut most = S::splat(f32::NEG_INFINITY);
                    for y in 0..rows.len() {
                        let pixels = line.add(y * from.row());
                        for x in columns.clone() {
                            most = S::greater(S::load(pixels.add(x * S::LANES)), most);
                        }
                    }
                    S::store(out.add(x * S::LANES), most);
                }
            }
        }
    }
}

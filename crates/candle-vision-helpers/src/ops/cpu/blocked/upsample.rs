//! A blocked map at twice its size, nearest, plus another one.

use super::{Rows, Share, Site, for_rows};
use crate::ops::cpu::simd::{Kernel, Simd};
use std::ops::Range;

/// The sum of the source at twice its size and the residual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpsampledSum;

impl UpsampledSum {
    /// Computes some rows of the result.
    ///
    /// # Safety
    /// All maps lie in the site's memory, the result apart from the others, in blocks of as many channels as vectors
    /// have lanes; there is a residual of the result's size, and the result is twice as high and wide as the source.
    pub(crate) unsafe fn run(&self, site: &Site<'_>, rows: Range<usize>) {
        for_rows(site.to.blocks(), rows, Share::ANY_ROWS, site.team, |block, rows| {
            site.vectors.run(Rows { layer: self, site, block, rows });
        });
    }
}

impl Kernel for Rows<'_, UpsampledSum> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Site { from, to, residual, memory, .. } = *self.site;
        let Some(residual) = residual else { return };
        // SAFETY: the contract of `UpsampledSum::run`.
        unsafe {
            to.clear_halo(memory, self.block, self.rows.clone());
            let memory = memory.ptr();
            for y in self.rows {
                let source = memory.add(from.at(self.block, y / 2, 0)).cast_const();
                let other = memory.add(residual.at(self.block, y, 0)).cast_const();
                let out = memory.add(to.at(self.block, y, 0));
                for x in 0..from.w {
                    let pixel = S::load(source.add(x * S::LANES));
                    for at in [2 * x * S::LANES, (2 * x + 1) * S::LANES] {
                        S::store(out.add(at), S::add(pixel, S::load(other.add(at))));
                    }
                }
            }
        }
    }
}

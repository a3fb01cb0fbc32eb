//! Intel's AMX (manual, volume 1, chapter 18), **run on an emulated processor only**, since none with it was at hand.
//! The standard library has no stable functions for it.

use super::Unit;
use crate::ops::cpu::gemm::tile_matrix::SIDE;
use std::arch::asm;

/// The thread's tiles, released when it is dropped: until then a switch of threads saves them all.
pub(crate) struct Amx(());

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    /// Bytes in a row of each tile.
    row: [u16; 16],
    rows: [u8; 16],
}

const _: () = assert!(size_of::<Configuration>() == 64);

impl Unit for Amx {
    #[inline(always)]
    unsafe fn start() -> Self {
        let mut c = Configuration { palette: 1, start_row: 0, reserved: [0; 14], row: [0; 16], rows: [0; 16] };
        c.row[..8].fill(4 * SIDE as u16);
        c.rows[..8].fill(SIDE as u8);
        // SAFETY: the caller's contract, here and below.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const c, options(nostack, readonly, preserves_flags)) };
        Self(())
    }

    #[inline(always)]
    unsafe fn clear<const T: usize>(&mut self) {
        // SAFETY: see `start`.
        unsafe { asm!("tilezero tmm{}", const T, options(nostack, nomem, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn load<const T: usize>(&mut self, from: *const f32, pitch: usize) {
        // SAFETY: see `start`.
        unsafe {
            asm!("tileloadd tmm{}, [{} + {}*1]", const T, in(reg) from, in(reg) 4 * pitch,
                options(nostack, readonly, preserves_flags));
        }
    }

    #[inline(always)]
    unsafe fn store<const T: usize>(&mut self, to: *mut f32, pitch: usize) {
        // SAFETY: see `start`.
        unsafe {
            asm!("tilestored [{} + {}*1], tmm{}", in(reg) to, in(reg) 4 * pitch, const T,
                options(nostack, preserves_flags));
        }
    }

    #[inline(always)]
    unsafe fn add_products<const C: usize, const A: usize, const B: usize>(&mut self) {
        // SAFETY: see `start`.
        unsafe {
            asm!("tdpbf16ps tmm{}, tmm{}, tmm{}", const C, const A, const B, options(nostack, nomem, preserves_flags));
        }
    }
}

impl Drop for Amx {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: whoever made it has the unit.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
    }
}

#[cfg(test)]
mod tests;

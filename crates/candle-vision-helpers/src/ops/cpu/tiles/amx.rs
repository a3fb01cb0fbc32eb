//! Intel's AMX (manual, volume 1, chapter 18): **never run**, since no processor with it was at hand. The standard
//! library has no stable functions for it.

use super::{SIDE, Unit};
use std::arch::asm;
use std::sync::OnceLock;

/// Whether `CANDLE_VISION_SIMD=amx` asks for it, the processor and the system have it, and the system lets this process
/// use it.
pub(crate) fn in_use() -> bool {
    static IN_USE: OnceLock<bool> = OnceLock::new();
    *IN_USE.get_or_init(|| std::env::var("CANDLE_VISION_SIMD").is_ok_and(|v| v == "amx") && has_it() && may_use_it())
}

fn has_it() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    let vectors = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16");
    // SAFETY: every processor of this architecture has the instruction.
    #[allow(unused_unsafe, reason = "newer compilers have these as safe")]
    let (most, features) = unsafe { (__cpuid(0).eax, __cpuid_count(7, 0).edx) };
    #[target_feature(enable = "xsave")]
    unsafe fn enabled() -> u64 {
        // SAFETY: the caller has checked for the feature; register 0 always exists.
        unsafe { _xgetbv(0) }
    }
    // AMX-BF16 and AMX-TILE; both states of tiles saved by the system
    vectors
        && most >= 7
        && features >> 22 & 1 == 1
        && features >> 24 & 1 == 1
        // SAFETY: a system that has AVX-512 has it.
        && unsafe { enabled() } >> 17 & 3 == 3
}

/// Linux gives the state of tiles only to processes that ask: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
#[cfg(target_os = "linux")]
fn may_use_it() -> bool {
    let mut result: isize = 158; // arch_prctl
    // SAFETY: a system call that changes no memory of ours; it overwrites rcx and r11.
    unsafe {
        asm!("syscall", inout("rax") result, in("rdi") 0x1023_usize, in("rsi") 18_usize, out("rcx") _, out("r11") _,
            options(nostack));
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn may_use_it() -> bool {
    false
}

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

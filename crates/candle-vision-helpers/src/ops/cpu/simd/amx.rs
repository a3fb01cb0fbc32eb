//! Whether Intel's AMX (manual, volume 1, chapter 18) is asked for and there.

#[cfg(target_os = "linux")]
use std::arch::asm;
use std::sync::OnceLock;

/// Whether `CANDLE_VISION_SIMD=amx` asks for it, the processor and the system have it, and the system lets this process
/// use it.
pub(crate) fn in_use() -> bool {
    static IN_USE: OnceLock<bool> = OnceLock::new();
    *IN_USE.get_or_init(|| std::env::var("CANDLE_VISION_SIMD").is_ok_and(|v| v == "amx") && is_there())
}

/// Whether the processor and the system have it, and the system lets this process use it.
pub(crate) fn is_there() -> bool {
    has_it() && may_use_it()
}

fn has_it() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    let vectors = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16");
    if !vectors {
        return false;
    }
    // SAFETY: every processor of this architecture has the instruction.
    #[allow(unused_unsafe, reason = "newer compilers have these as safe")]
    let (most, features) = unsafe { (__cpuid(0).eax, __cpuid_count(7, 0).edx) };
    #[target_feature(enable = "xsave")]
    unsafe fn enabled() -> u64 {
        // SAFETY: the caller has checked for the feature; register 0 always exists.
        unsafe { _xgetbv(0) }
    }
    // AMX-BF16 and AMX-TILE; both states of tiles saved by the system
    most >= 7
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

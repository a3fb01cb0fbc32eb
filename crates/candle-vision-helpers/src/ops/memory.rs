//! What the C library does with memory that was freed.

/// Makes the C library keep freed memory for the next step instead of handing it back to the system, where it can be told so
/// (glibc); call it once, first thing in a program that trains. A step frees and asks for the same hundreds of megabytes each
/// time, and having every page of them mapped and cleared anew took a quarter of it. The peak does not grow.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;
        unsafe extern "C" {
            fn mallopt(param: c_int, value: c_int) -> c_int;
        }
        // from malloc.h
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_TOP_PAD: c_int = -2;
        const M_MMAP_THRESHOLD: c_int = -3;
        for (param, value) in [(M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, c_int::MAX), (M_TOP_PAD, 64 << 20)] {
            // SAFETY: the C library's own function, which may be called at any time and reports what it refuses.
            unsafe { mallopt(param, value) };
        }
    }
}

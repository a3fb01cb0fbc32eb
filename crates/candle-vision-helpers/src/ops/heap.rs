//! Keeps glibc from returning freed memory to the system.

/// Makes the C library keep freed memory for the next step instead of returning it to the system, where there is a
/// setting for it (glibc); to be called once, first thing in a program that trains. A step frees and asks for the same
/// hundreds of megabytes each time, and having every page of them mapped and cleared anew took a quarter of it. The
/// peak does not grow.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;
        unsafe extern "C" {
            fn mallopt(param: c_int, value: c_int) -> c_int;
        }
        // SAFETY: the C library's own function, which may be called at any time and reports what it refuses.
        glibc::keep(|param, value| unsafe { mallopt(param, value) } != 0);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;

    // from malloc.h
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_TOP_PAD: c_int = -2;
    const M_MMAP_THRESHOLD: c_int = -3;

    /// `set` sets a parameter and says whether it was taken.
    pub(super) fn keep(mut set: impl FnMut(c_int, c_int) -> bool) {
        // Before 2.35, 32 MiB are the most. The other two would switch the threshold that adapts itself off and leave
        // it at 128 KiB, above which all memory goes back at once: slower than nothing.
        if set(M_MMAP_THRESHOLD, 1 << 30) || set(M_MMAP_THRESHOLD, 32 << 20) {
            set(M_TRIM_THRESHOLD, c_int::MAX);
            set(M_TOP_PAD, 64 << 20);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The thresholds that a C library is left with which takes a mapping threshold up to `most`.
        fn kept(most: c_int) -> Vec<(c_int, c_int)> {
            let mut taken = Vec::new();
            keep(|param, value| {
                let takes = param != M_MMAP_THRESHOLD || value <= most;
                if takes {
                    taken.push((param, value));
                }
                takes
            });
            taken
        }

        #[test]
        fn what_the_library_refuses_is_heeded() {
            let others = [(M_TRIM_THRESHOLD, c_int::MAX), (M_TOP_PAD, 64 << 20)];
            assert_eq!(kept(c_int::MAX), [[(M_MMAP_THRESHOLD, 1 << 30)].as_slice(), &others].concat());
            assert_eq!(kept(32 << 20), [[(M_MMAP_THRESHOLD, 32 << 20)].as_slice(), &others].concat());
            assert_eq!(kept(0), [], "the threshold that adapts itself was switched off");
        }
    }
}

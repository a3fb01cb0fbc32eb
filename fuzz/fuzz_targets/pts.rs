//! Fuzzes [`facekp_fuzz::pts`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::pts(data);
});

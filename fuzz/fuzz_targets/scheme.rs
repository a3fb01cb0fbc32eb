//! Fuzzes [`facekp_fuzz::scheme`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::scheme(data);
});

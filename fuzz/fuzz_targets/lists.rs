//! Fuzzes [`facekp_fuzz::lists`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::lists(data);
});

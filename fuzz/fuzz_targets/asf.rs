//! Fuzzes [`facekp_fuzz::asf`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::asf(data);
});

//! Fuzzes [`facekp_fuzz::imglab`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::imglab(data);
});

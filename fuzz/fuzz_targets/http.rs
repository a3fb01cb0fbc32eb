//! Fuzzes [`facekp_fuzz::http`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::http(data);
});

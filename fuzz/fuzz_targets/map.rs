//! Fuzzes [`facekp_fuzz::map`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::map(data);
});

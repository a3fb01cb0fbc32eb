//! Fuzzes [`facekp_fuzz::tps`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::tps(data);
});

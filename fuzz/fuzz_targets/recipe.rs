//! Fuzzes [`facekp_fuzz::recipe`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::recipe(data);
});

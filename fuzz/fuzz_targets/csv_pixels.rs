//! Fuzzes [`facekp_fuzz::csv_pixels`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::csv_pixels(data);
});

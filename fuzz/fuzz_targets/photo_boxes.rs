//! Fuzzes [`facekp_fuzz::photo_boxes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::photo_boxes(data);
});

//! Fuzzes [`facekp_fuzz::coco`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    facekp_fuzz::coco(data);
});

//! Fuzzes [`facekp_fuzz::pack`].
#![no_main]

// a few bytes may say that they are a picture of 256 million pixels, which takes seconds
libfuzzer_sys::fuzz_target!(init: facekp_data::picture::set_max_pixels(1 << 20), |data: &[u8]| {
    facekp_fuzz::pack(data);
});

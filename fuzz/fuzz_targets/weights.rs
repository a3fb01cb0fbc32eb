//! Fuzzes [`facekp_fuzz::weights`].
#![no_main]

// the reader of PyTorch's files catches the panics of candle's, which libFuzzer's hook would take for the end
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| {
    facekp_fuzz::weights(data);
});

//! Networks, codecs and weights files through the public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod codecs;
mod common;
mod finder;
#[path = "../../candle-vision-helpers/tests/heap.rs"]
mod heap;
mod memory;
mod mobilenet;
mod nan;
mod networks;
mod onnx;
mod tasks;
mod weights;

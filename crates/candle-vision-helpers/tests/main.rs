//! Tests of the operations, linked once. What changes the instruction set, which holds for a process, is in `levels`.
#![allow(clippy::panic)] // a test says so by panicking

mod common;
mod conv;
mod conv_transpose;
#[cfg(target_os = "linux")] // where the C compiler that Rust links with brings OpenMP
mod cuda_kernels;
mod depthwise;
#[cfg(any(feature = "cuda", feature = "metal"))]
mod devices;
mod examples;
mod heap;
mod layers;
mod ranks;
mod saved;
mod sizes;
mod steps;
mod threads;

//! What the program is built for, and which devices open.

use crate::output::one_line;
use candle_core::utils::{cuda_is_available, has_accelerate, has_mkl, metal_is_available};
use candle_vision_helpers::ops::{Level, level};
use facekp_train::device::DeviceName;
use serde::Serialize;
use std::fmt;

/// A device that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    name: String,
    /// Why it does not open.
    error: Option<String>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.as_ref().unwrap_or(&self.name))
    }
}

/// The vectors that the kernels for the CPU use.
pub(super) fn simd() -> &'static str {
    match level() {
        Level::Portable => "portable",
        Level::Neon => "neon",
        Level::Avx2 => "avx2",
        Level::Avx512 => "avx512",
    }
}

/// The features of cargo that are compiled in, whichever of them were named.
pub(super) fn features() -> Vec<&'static str> {
    let all = [
        ("cuda", cuda_is_available()),
        ("cudnn", cfg!(feature = "cudnn")),
        ("metal", metal_is_available()),
        ("accelerate", has_accelerate()),
        ("mkl", has_mkl()),
        ("mpi", cfg!(feature = "mpi")),
    ];
    all.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name).collect()
}

/// The CPU, and of what is compiled in the first device, whether it opens or not, with all others that do.
pub(super) fn devices() -> Vec<Tried> {
    let mut all = vec![tried(DeviceName::Cpu)];
    if cuda_is_available() {
        all.push(tried(DeviceName::Cuda(0)));
        all.extend((1..).map(|n| tried(DeviceName::Cuda(n))).take_while(|device| device.error.is_none()));
    }
    if metal_is_available() {
        all.push(tried(DeviceName::Metal(0)));
    }
    all
}

fn tried(name: DeviceName) -> Tried {
    Tried { name: name.to_string(), error: name.open().err().map(|e| one_line(&e.into())) }
}

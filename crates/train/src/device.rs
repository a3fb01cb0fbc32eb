//! Devices by name.

use crate::error::{Error, Result};
use candle_core::{Device, utils};
use std::{fmt, str::FromStr};

/// The name of a device, which may be there or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// CUDA, then Metal, then the CPU, by what is compiled in and present.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by its number.
    Cuda(usize),
    /// An Apple GPU by its number.
    Metal(usize),
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
        match (kind, number.parse()) {
            ("auto", _) if name == "auto" => Ok(Self::Auto),
            ("cpu", _) if name == "cpu" => Ok(Self::Cpu),
            ("cuda", Ok(number)) => Ok(Self::Cuda(number)),
            ("metal", Ok(number)) => Ok(Self::Metal(number)),
            _ => Err(format!("expected auto, cpu, cuda:N or metal, got {name:?}")),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal(0) => f.write_str("metal"),
            Self::Metal(number) => write!(f, "metal:{number}"),
        }
    }
}

impl DeviceName {
    /// Opens the device.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when it is not there.
    pub fn open(self) -> Result<Device> {
        let missing = |feature: &str, built: bool, e: candle_core::Error| {
            let hint = if built { String::new() } else { format!(" (build with --features {feature})") };
            Error::Device(format!("device {self} is not there: {}{hint}", cause(&e)))
        };
        match self {
            // `Device::cuda_if_available` asks only whether CUDA was compiled in, and fails on a machine without a GPU.
            Self::Auto => Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu)),
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(n) => Device::new_cuda(n).map_err(|e| missing("cudnn", utils::cuda_is_available(), e)),
            Self::Metal(n) => Device::new_metal(n).map_err(|e| missing("metal", utils::metal_is_available(), e)),
        }
    }
}

/// The error in one line, without the backtrace that candle may have put around it.
fn cause(e: &candle_core::Error) -> String {
    match e {
        candle_core::Error::WithBacktrace { inner, .. } => cause(inner),
        e => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for name in ["auto", "cpu", "cuda:0", "cuda:3", "metal"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(DeviceName::Cuda(0)));
        for wrong in ["gpu", "cuda:x", "cuda:", "cpu:1", "auto:0", ""] {
            let message = wrong.parse::<DeviceName>().unwrap_err();
            assert!(message.contains("auto, cpu, cuda:N or metal"), "{message}");
        }
    }

    #[test]
    fn the_processor_is_always_there() {
        assert!(DeviceName::Cpu.open().unwrap().is_cpu());
        assert!(DeviceName::Auto.open().is_ok());
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn what_is_not_compiled_in_is_an_error_that_names_the_feature() {
        let message = |name: DeviceName| name.open().unwrap_err().to_string();
        assert!(message(DeviceName::Cuda(0)).contains("(build with --features cudnn)"));
        assert!(message(DeviceName::Metal(0)).contains("--features metal"));
    }
}

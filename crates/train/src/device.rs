//! Devices by name.

use crate::{Error, Result};
use candle_core::Device;

/// `auto` (CUDA, then Metal, then CPU, by what is compiled in and present), `cpu`, `cuda:N`, `metal`.
///
/// # Errors
/// [`crate::Error::Device`] when the name is unknown or the device is not there.
pub fn by_name(name: &str) -> Result<Device> {
    // `Device::cuda_if_available` asks only whether CUDA was compiled in, and fails on a machine without a GPU.
    if name == "auto" {
        return Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu));
    }
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    let number = number.parse::<usize>().map_err(|_| unknown(name))?;
    let missing = |feature: &str, built: bool, e: candle_core::Error| {
        let hint = if built { String::new() } else { format!(" (build with --features {feature})") };
        Error::Device(format!("device {name} is not there: {}{hint}", cause(&e)))
    };
    match kind {
        "cpu" if name == "cpu" => Ok(Device::Cpu),
        "cuda" => Device::new_cuda(number).map_err(|e| missing("cudnn", cfg!(feature = "cuda"), e)),
        "metal" => Device::new_metal(number).map_err(|e| missing("metal", cfg!(feature = "metal"), e)),
        _ => Err(unknown(name)),
    }
}

/// The error in one line, without the backtrace that candle may have put around it.
fn cause(e: &candle_core::Error) -> String {
    match e {
        candle_core::Error::WithBacktrace { inner, .. } => cause(inner),
        e => e.to_string(),
    }
}

fn unknown(name: &str) -> Error {
    Error::Device(format!("expected a device: auto, cpu, cuda:N or metal, got {name:?}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names() {
        assert!(by_name("cpu").unwrap().is_cpu());
        assert!(by_name("auto").is_ok());
        for wrong in ["gpu", "cuda:x", "cuda:", "cpu:1", ""] {
            let message = by_name(wrong).unwrap_err().to_string();
            assert!(message.contains("auto, cpu, cuda:N or metal"), "{message}");
        }
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn what_is_not_compiled_in_is_an_error_that_names_the_feature() {
        assert!(by_name("cuda:0").unwrap_err().to_string().contains("(build with --features cudnn)"));
        assert!(by_name("metal").unwrap_err().to_string().contains("--features metal"));
    }
}

//! Devices by name.

use crate::{
    error::{Error, Result},
    ranks::Team,
};
use candle_core::{Device, utils};
use candle_vision_helpers::ops;
use std::{fmt, str::FromStr};

/// The name of a device, which may be there or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// CUDA, then Metal, then the CPU, by what is compiled in and present.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by its number; of several ranks on a machine, the first one's.
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
        self.open_behind(0)
    }

    /// Opens the device of one of several ranks, which all call this: on each machine they take the GPUs from the named
    /// one on, in their order; one that is shown a single GPU takes that.
    ///
    /// # Errors
    /// As [`DeviceName::open`]; a rank is gone.
    pub fn open_in(self, team: &Team) -> Result<Device> {
        self.open_behind(team.before_on(&gethostname::gethostname().to_string_lossy())?)
    }

    /// The device of a rank that so many on its machine come before.
    fn open_behind(self, ranks: usize) -> Result<Device> {
        let missing = |which: Self, feature: &str, built: bool, e: candle_core::Error| {
            let hint = if built { String::new() } else { format!(" (build with --features {feature})") };
            Error::Device(format!("device {which} is not there: {}{hint}", cause(&e)))
        };
        let gpu = |first: usize| gpu_behind(first, ranks, gpus);
        match self {
            // `Device::cuda_if_available` asks only whether CUDA was compiled in, and fails on a machine without a GPU.
            Self::Auto => Ok(ops::new_cuda(gpu(0)).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu)),
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(first) => {
                let n = gpu(first);
                ops::new_cuda(n).map_err(|e| missing(Self::Cuda(n), "cudnn", utils::cuda_is_available(), e))
            }
            Self::Metal(n) => Device::new_metal(n).map_err(|e| missing(self, "metal", utils::metal_is_available(), e)),
        }
    }
}

/// The GPU of a rank that `ranks` on its machine come before, of whom the first has the GPU `first`. Job systems may
/// show each rank its own GPU alone, as the only one.
fn gpu_behind(first: usize, ranks: usize, visible: impl FnOnce() -> usize) -> usize {
    if ranks == 0 || visible() == 1 { first } else { first + ranks }
}

/// How many of CUDA's GPUs this process is shown.
#[cfg(feature = "cuda")]
fn gpus() -> usize {
    let count = candle_core::cuda_backend::cudarc::driver::CudaContext::device_count();
    count.ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

#[cfg(not(feature = "cuda"))]
fn gpus() -> usize {
    0
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

    #[test]
    fn ranks_of_a_machine_take_one_gpu_after_the_other() {
        let taken = |first: usize, ranks: usize, visible: usize| gpu_behind(first, ranks, || visible);
        assert_eq!([0, 1, 3].map(|ranks| taken(0, ranks, 4)), [0, 1, 3]);
        assert_eq!([0, 1].map(|ranks| taken(2, ranks, 4)), [2, 3]);
        // one that is not there is an error, not another rank's
        assert_eq!(taken(0, 2, 2), 2);
        // each was shown its own
        assert_eq!([0, 1, 3].map(|ranks| taken(0, ranks, 1)), [0; 3]);
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn the_error_of_a_rank_names_the_gpu_that_it_looked_for() {
        let message = |ranks: usize| DeviceName::Cuda(1).open_behind(ranks).unwrap_err().to_string();
        assert!(message(2).starts_with("device cuda:3 is not there: "), "{}", message(2));
        assert!(message(0).starts_with("device cuda:1 is not there: "), "{}", message(0));
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn what_is_not_compiled_in_is_an_error_that_names_the_feature() {
        let message = |name: DeviceName| name.open().unwrap_err().to_string();
        assert!(message(DeviceName::Cuda(0)).contains("(build with --features cudnn)"));
        assert!(message(DeviceName::Metal(0)).contains("--features metal"));
    }
}

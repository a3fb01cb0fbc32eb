//! Options that several commands have.

use anyhow::Result;
use candle_vision_helpers::ops::{self, Precision};
use clap::{Args, ValueEnum};
use facekp_train::{device::DeviceName, ranks::Team};
use std::path::PathBuf;

/// Where it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Device")]
pub(crate) struct DeviceArg {
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value_t, value_name = "D")]
    pub device: DeviceName,
    /// What the factors of matrix products and convolutions may be rounded to before they are multiplied; sums and all
    /// that is stored stay f32. A device takes the quickest that it has within that: CUDA TF32, unless f32 is asked
    /// for; a CPU bf16 in training, where it multiplies that faster (AMD with AVX-512 BF16), else f32.
    #[arg(long, value_name = "P", default_value = "tf32", conflicts_with = "no_tf32")]
    precision: PrecisionName,
    /// The same as `--precision f32`.
    #[arg(long, hide = true)]
    no_tf32: bool,
}

/// A [`Precision`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrecisionName {
    /// Not at all.
    F32,
    /// 10 bits of mantissa.
    Tf32,
    /// 7 bits of mantissa.
    Bf16,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => Self::F32,
            PrecisionName::Tf32 => Self::Tf32,
            PrecisionName::Bf16 => Self::Bf16,
        }
    }
}

impl DeviceArg {
    /// The device, with the precision that was asked for.
    pub(crate) fn open(&self) -> Result<candle_core::Device> {
        self.open_in(&Team::default())
    }

    /// As [`DeviceArg::open`], that of one of several ranks.
    pub(crate) fn open_in(&self, team: &Team) -> Result<candle_core::Device> {
        ops::set_precision(if self.no_tf32 { Precision::F32 } else { self.precision.into() });
        Ok(self.device.open_in(team)?)
    }
}

/// Where the dataset is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArg {
    /// The dataset's folder or its parent.
    #[arg(long = "data", value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets")]
    pub dir: PathBuf,
}

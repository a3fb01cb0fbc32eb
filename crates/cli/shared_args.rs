//! Options that several commands have.

use anyhow::Result;
use candle_vision_helpers::ops::{self, Precision};
use clap::Args;
use facekp_train::{device::DeviceName, ranks::Team};
use std::path::PathBuf;

/// Where it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Device")]
pub(crate) struct DeviceArg {
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value_t, value_name = "D")]
    pub device: DeviceName,
    /// On CUDA, full f32 products instead of TF32.
    #[arg(long)]
    no_tf32: bool,
}

impl DeviceArg {
    /// The device, with the precision that was asked for.
    pub(crate) fn open(&self) -> Result<candle_core::Device> {
        self.open_in(&Team::default())
    }

    /// As [`DeviceArg::open`], that of one of several ranks.
    pub(crate) fn open_in(&self, team: &Team) -> Result<candle_core::Device> {
        let precision = if self.no_tf32 { Precision::F32 } else { Precision::Tf32 };
        ops::set_precision(precision);
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

//! What a run computes on.

use crate::{
    error::{Error, Result},
    ranks::Team,
};
use candle_core::Device;

/// The device of this process, and the processes that train together; from a device alone, one process.
#[derive(Clone, Debug)]
pub struct Compute<'a> {
    /// Where this process computes.
    pub device: &'a Device,
    /// Who else does.
    pub team: Team,
}

impl<'a> From<&'a Device> for Compute<'a> {
    fn from(device: &'a Device) -> Self {
        Self { device, team: Team::default() }
    }
}

impl Compute<'_> {
    /// # Errors
    /// Several ranks elsewhere than on CPUs.
    pub(crate) fn validate(&self) -> Result<()> {
        if self.team.count() == 1 || self.device.is_cpu() {
            return Ok(());
        }
        let (ranks, got) = (self.team.count(), self.device.location());
        Err(Error::Device(format!("device: expected the CPU for a run of {ranks} ranks, got {got:?}")))
    }
}

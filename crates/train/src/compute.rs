//! What a run computes on.

#[cfg(feature = "nccl")]
use crate::ranks::Nccl;
use crate::{
    error::{Error, Result},
    leader,
    ranks::Team,
};
use candle_core::{Device, DeviceLocation};

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
    /// The same, with ranks that know of each other's devices, and that add up on GPUs what lies there, where the
    /// feature `nccl` is compiled in. All of them call it.
    ///
    /// # Errors
    /// Several ranks elsewhere than on CPUs or CUDA's GPUs, or some on each; GPUs that find no way to each other.
    pub(crate) fn joined(self) -> Result<Self> {
        let ranks = self.team.count();
        if ranks == 1 {
            return Ok(self);
        }
        let kind = kind(self.device.location(), ranks)?;
        leader::agree(&self.team, "kind of device", kind)?;
        #[cfg(feature = "nccl")]
        if let Device::Cuda(gpu) = self.device {
            return Ok(Self { team: Nccl::join(&self.team, gpu)?, ..self });
        }
        Ok(self)
    }
}

/// What several ranks' devices have in common.
fn kind(of: DeviceLocation, ranks: usize) -> Result<&'static str> {
    match of {
        DeviceLocation::Cpu => Ok("CPU"),
        DeviceLocation::Cuda { .. } => Ok("CUDA"),
        DeviceLocation::Metal { .. } => {
            let reason = format!("device: expected cpu or cuda for a run of {ranks} ranks, got metal");
            Err(Error::Device(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranks_train_on_cpus_or_on_cudas_gpus() {
        assert_eq!(kind(DeviceLocation::Cpu, 2).unwrap(), "CPU");
        // whichever each has
        let cuda = |gpu_id: usize| kind(DeviceLocation::Cuda { gpu_id }, 2).unwrap();
        assert_eq!(cuda(0), cuda(1));
        let error = kind(DeviceLocation::Metal { gpu_id: 0 }, 3).unwrap_err().to_string();
        assert_eq!(error, "device: expected cpu or cuda for a run of 3 ranks, got metal");
    }
}

//! Ranks whose GPUs add up tensors among themselves, by NCCL; all else they do as they did before. **Not yet run on
//! GPUs.**

use super::{Ranks, Team};
use crate::error::Result;
use candle_core::{CudaDevice, Tensor};
use candle_vision_helpers::ops;
use std::sync::Arc;

/// Ranks, and the way between their GPUs.
pub(crate) struct Nccl {
    // before the ranks are gone
    gpus: ops::Nccl,
    ranks: Arc<dyn Ranks>,
}

impl Nccl {
    /// The same team, whose ranks all call this, each with a GPU of its own; rank 0 tells the others what they find
    /// each other by.
    ///
    /// # Errors
    /// GPUs that do not reach each other, or of which two ranks have the same one; a rank is gone.
    pub(crate) fn join(team: &Team, gpu: &CudaDevice) -> Result<Team> {
        let Team(Some(ranks)) = team.clone() else { return Ok(Team::default()) };
        let mut name = if team.leads() { ops::Nccl::name()? } else { Vec::new() };
        ranks.tell(&mut name)?;
        let gpus = ops::Nccl::join(&name, ranks.rank(), ranks.count(), gpu)?;
        Ok(Team::new(Arc::new(Self { gpus, ranks })))
    }
}

impl Ranks for Nccl {
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    fn count(&self) -> usize {
        self.ranks.count()
    }

    fn gather(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        self.ranks.gather(own, all)
    }

    fn exchange(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        self.ranks.exchange(own, all)
    }

    fn tell(&self, bytes: &mut Vec<u8>) -> Result<()> {
        self.ranks.tell(bytes)
    }

    fn sum_on_device(&self, own: &Tensor) -> Result<Option<Tensor>> {
        Ok(if own.device().is_cuda() { Some(self.gpus.sum(own)?) } else { None })
    }
}

//! Ranks: processes that train one network together, each on its part of every batch.
//!
//! All ranks do the same steps with the same weights. Where one needs what the others have, all of them call the same
//! function of [`Ranks`], in the same order; rank 0 leads: it alone has a run folder, validates and logs.

mod flat;
#[cfg(test)]
mod local;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "nccl")]
mod nccl;
mod sum;
mod team;
#[cfg(test)]
mod tests;

#[cfg(feature = "mpi")]
pub use self::mpi::Mpi;
pub(crate) use flat::{average, sum_all};
#[cfg(test)]
pub(crate) use local::Local;
#[cfg(feature = "nccl")]
pub(crate) use nccl::Nccl;
pub use team::Team;

use crate::error::Result;
use candle_core::Tensor;

/// What ranks do together; every function is called by all of them, and returns when all that it needs is there.
pub trait Ranks: Send + Sync {
    /// Which rank this is, from 0 on.
    fn rank(&self) -> usize;

    /// How many there are.
    fn count(&self) -> usize;

    /// Fills `all`, `count` times as long as `own`, with what every rank has, in the order of ranks.
    ///
    /// # Errors
    /// A rank is gone.
    fn gather(&self, own: &[u8], all: &mut [u8]) -> Result<()>;

    /// Sends each rank its one of `count` equal parts of `own`; `all`, as long, is what each rank sent to this one, in
    /// the order of ranks.
    ///
    /// # Errors
    /// A rank is gone.
    fn exchange(&self, own: &[u8], all: &mut [u8]) -> Result<()>;

    /// Replaces `bytes` by those of rank 0, however many.
    ///
    /// # Errors
    /// A rank is gone.
    fn tell(&self, bytes: &mut Vec<u8>) -> Result<()>;

    /// The sum of a contiguous tensor over all ranks, where they have a way that does not lead through the host's
    /// memory; `None` where not. Whether they have one depends on the tensor's device and type alone.
    ///
    /// # Errors
    /// A rank is gone, or there is no such sum.
    fn sum_on_device(&self, _own: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

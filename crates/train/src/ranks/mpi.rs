//! Ranks that are processes which an MPI launcher started, on one machine or on many.

use super::Ranks;
use crate::error::{Error, Result};
use mpi::{
    Threading,
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives, Root},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The status that MPI ends all ranks with when one of them panics, as Rust's programs have it.
const PANICKED: i32 = 101;
/// Bytes of one message: MPI counts by an `int`.
const MOST: usize = 1 << 30;

/// All processes of the launcher's job (`MPI_COMM_WORLD`). MPI is finalized when this is dropped.
pub struct Mpi {
    rank: usize,
    count: usize,
    /// One call at a time: all that is asked of the MPI library.
    turn: Mutex<()>,
    // what it finalizes, it finalizes last
    _universe: Universe,
}

impl Mpi {
    /// Meets the other processes of the job. Once in a process.
    ///
    /// # Errors
    /// When MPI was started already, or takes calls from one thread alone.
    pub fn start() -> Result<Self> {
        let started = mpi::initialize_with_threading(Threading::Serialized);
        let (universe, threading) =
            started.ok_or_else(|| Error::Rank("MPI: expected to start it, got one that runs".to_owned()))?;
        if threading < Threading::Serialized {
            let reason = format!("MPI: expected a library that may be called by any thread, got {threading:?}");
            return Err(Error::Rank(reason));
        }
        let world = universe.world();
        let number = |n: i32| usize::try_from(n).unwrap_or_default();
        Ok(Self {
            rank: number(world.rank()),
            count: number(world.size()).max(1),
            turn: Mutex::default(),
            _universe: universe,
        })
    }

    /// Ends all ranks at once with a status. What is on disk stays as it is.
    pub fn abort(&self, status: i32) -> ! {
        SimpleCommunicator::world().abort(status)
    }

    fn world(&self) -> (SimpleCommunicator, MutexGuard<'_, ()>) {
        (SimpleCommunicator::world(), self.turn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // the others wait for this rank, and finalizing would wait for them
        if std::thread::panicking() {
            self.abort(PANICKED);
        }
    }
}

/// Refuses a message that MPI cannot count.
fn countable(bytes: usize) -> Result<()> {
    match bytes <= MOST {
        true => Ok(()),
        false => Err(Error::Rank(format!("MPI: expected a message of {MOST} bytes at most, got {bytes}"))),
    }
}

// An error within MPI ends all ranks: that is MPI's own default.
impl Ranks for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.count
    }

    fn gather(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        countable(all.len())?;
        let (world, _turn) = self.world();
        world.all_gather_into(own, all);
        Ok(())
    }

    fn exchange(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        countable(all.len())?;
        let (world, _turn) = self.world();
        world.all_to_all_into(own, all);
        Ok(())
    }

    fn tell(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let (world, _turn) = self.world();
        let first = world.process_at_rank(0);
        let mut len = bytes.len() as u64;
        first.broadcast_into(&mut len);
        bytes.resize(usize::try_from(len).unwrap_or_default(), 0);
        bytes.chunks_mut(MOST).for_each(|part| first.broadcast_into(part));
        Ok(())
    }
}

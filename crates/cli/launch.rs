//! Processes that an MPI launcher started: which of them this is, and how they begin and end together.

use crate::output;
use anyhow::Result;
use facekp_train::ranks::Team;

/// What launchers tell a process by its environment: Open MPI; MPICH, Intel MPI and Slurm; PMIx.
const RANK: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
#[cfg(not(feature = "mpi"))]
const SIZE: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

fn number(names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// This process's number among those that were started together; 0 for one by itself.
pub(crate) fn rank() -> usize {
    number(&RANK).unwrap_or(0)
}

/// The processes that train together.
pub(crate) struct Job {
    /// As training knows them.
    pub team: Team,
    #[cfg(feature = "mpi")]
    mpi: Option<std::sync::Arc<facekp_train::ranks::Mpi>>,
}

#[cfg(feature = "mpi")]
impl Job {
    /// Meets the others, where a launcher started this process.
    pub(crate) fn begin() -> Result<Self> {
        if number(&RANK).is_none() {
            return Ok(Self { team: Team::default(), mpi: None });
        }
        let mpi = std::sync::Arc::new(facekp_train::ranks::Mpi::start()?);
        Ok(Self { team: Team::new(mpi.clone()), mpi: Some(mpi) })
    }

    /// Ends all processes where this one failed, for the others may wait for it. Only a stop is always one of all: the
    /// first process says it.
    pub(crate) fn end(self, result: Result<()>) -> Result<()> {
        let Err(e) = result else { return Ok(()) };
        let Some(mpi) = self.mpi.as_ref().filter(|_| self.team.count() > 1) else { return Err(e) };
        let rank = self.team.rank();
        if matches!(e.downcast_ref(), Some(facekp_train::Error::Stopped { .. })) {
            return if rank == 0 { Err(e) } else { Ok(()) };
        }
        output::fail(&if rank > 0 { e.context(format!("rank {rank}")) } else { e });
        mpi.abort(1)
    }
}

#[cfg(not(feature = "mpi"))]
impl Job {
    /// Refuses to be one of several: each would train by itself, in one folder.
    pub(crate) fn begin() -> Result<Self> {
        let count = number(&SIZE).unwrap_or(1).max(rank() + 1);
        if count > 1 {
            let reason = format!("expected one process, got {count} that MPI started: build with --features mpi");
            return Err(output::Usage(reason).into());
        }
        Ok(Self { team: Team::default() })
    }

    /// What came of it.
    pub(crate) fn end(self, result: Result<()>) -> Result<()> {
        result
    }
}

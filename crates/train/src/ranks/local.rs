//! Ranks that are threads of one process, for tests.

use super::{Ranks, Team};
use crate::error::{Error, Result};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// One rank of several threads. When it is dropped, those that wait for it, or come to, get an error.
pub(crate) struct Local {
    rank: usize,
    room: Arc<Room>,
}

struct Room {
    count: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What each rank brought to this meeting.
    brought: Vec<Option<Vec<u8>>>,
    /// Meetings so far, and what was brought to the last one.
    meetings: usize,
    all: Arc<Vec<Vec<u8>>>,
    /// Whether a rank has left.
    left: bool,
}

impl Local {
    /// A team for each of `count` threads.
    pub(crate) fn teams(count: usize) -> Vec<Team> {
        let state = State { brought: vec![None; count], meetings: 0, all: Arc::default(), left: false };
        let room = Arc::new(Room { count, state: Mutex::new(state), changed: Condvar::new() });
        (0..count).map(|rank| Team::new(Arc::new(Self { rank, room: Arc::clone(&room) }))).collect()
    }

    /// What all ranks bring, once all have.
    fn meet(&self, own: &[u8]) -> Result<Arc<Vec<Vec<u8>>>> {
        let Room { count, state, changed } = &*self.room;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let meeting = state.meetings;
        state.brought[self.rank] = Some(own.to_vec());
        if state.brought.iter().flatten().count() == *count {
            let all: Vec<Vec<u8>> = state.brought.iter_mut().filter_map(Option::take).collect();
            state.all = Arc::new(all);
            state.meetings += 1;
            changed.notify_all();
        }
        while state.meetings == meeting {
            if state.left {
                return Err(Error::Rank("another rank is gone".to_owned()));
            }
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Arc::clone(&state.all))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.room.state.lock().unwrap_or_else(PoisonError::into_inner).left = true;
        self.room.changed.notify_all();
    }
}

impl Ranks for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.room.count
    }

    fn gather(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        all.copy_from_slice(&self.meet(own)?.concat());
        Ok(())
    }

    fn exchange(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
        let part = own.len() / self.room.count;
        let sent = self.meet(own)?;
        let mine: Vec<&[u8]> = sent.iter().map(|s| &s[self.rank * part..][..part]).collect();
        all.copy_from_slice(&mine.concat());
        Ok(())
    }

    fn tell(&self, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clone_from(&self.meet(bytes)?[0]);
        Ok(())
    }
}

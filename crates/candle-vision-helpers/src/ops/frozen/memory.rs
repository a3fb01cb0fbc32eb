//! Where the maps of a pass lie: each takes room that is free from its making to its last use.

use super::ALIGNED;

/// The floats that maps of one pass share.
#[derive(Default)]
pub(super) struct Room {
    /// Start and length of the gaps, in order.
    gaps: Vec<(usize, usize)>,
    /// Floats in all.
    pub(super) len: usize,
}

impl Room {
    /// The place of a map: the first gap that is long enough, else behind all others.
    pub(super) fn take(&mut self, len: usize) -> usize {
        let len = len.next_multiple_of(ALIGNED);
        if let Some(i) = self.gaps.iter().position(|gap| gap.1 >= len) {
            let (start, room) = self.gaps[i];
            if room == len {
                self.gaps.remove(i);
            } else {
                self.gaps[i] = (start + len, room - len);
            }
            return start;
        }
        // a gap at the end grows
        let start = match self.gaps.last() {
            Some(&(start, room)) if start + room == self.len => {
                self.gaps.pop();
                start
            }
            _ => self.len,
        };
        self.len = start + len;
        start
    }

    /// Gives a map's place back.
    pub(super) fn free(&mut self, start: usize, len: usize) {
        self.gaps.push((start, len.next_multiple_of(ALIGNED)));
        self.gaps.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(self.gaps.len());
        for &(start, len) in &self.gaps {
            match joined.last_mut() {
                Some(last) if last.0 + last.1 == start => last.1 += len,
                _ => joined.push((start, len)),
            }
        }
        self.gaps = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Maps that live at the same time share no float, and all lie in the room.
        #[test]
        fn maps_that_live_together_lie_apart(steps in prop::collection::vec((1usize..200, any::<prop::sample::Index>(), any::<bool>()), 1..60)) {
            let (mut room, mut alive) = (Room::default(), Vec::<(usize, usize)>::new());
            for (len, which, frees) in steps {
                if frees && !alive.is_empty() {
                    let (start, len) = alive.swap_remove(which.index(alive.len()));
                    room.free(start, len);
                }
                let start = room.take(len);
                prop_assert!(start % ALIGNED == 0 && start + len <= room.len);
                for &(other, long) in &alive {
                    prop_assert!(start + len <= other || other + long <= start, "{start} {len} {other} {long}");
                }
                alive.push((start, len));
            }
            for (start, len) in alive {
                room.free(start, len);
            }
            prop_assert_eq!(room.gaps, vec![(0, room.len)]);
        }
    }
}

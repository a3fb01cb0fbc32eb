//! Scratch memory that each thread keeps from one call to the next.

use super::uncleared::{Shared, room};
use candle_core::Result;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Floats of a cache line. Memory that begins with one has no vector of a panel in two, each of which would have to be
/// loaded.
const LINE: usize = 16;

/// Scratch floats of arbitrary content, returned to this thread's pool when dropped. They begin with a cache line;
/// memory that is asked for in lines would not be used again by the C library as readily.
pub(crate) struct Scratch(Vec<f32>);

/// Most floats that a thread keeps between calls, 64 MiB: a step of a network needs a handful of buffers at a time, the
/// largest of which take 14 MB in a ResNet-50 (batch 8, 224 x 224).
const KEPT: usize = 16 << 20;

impl Scratch {
    /// At least `len` floats of arbitrary (but initialized) content.
    pub(crate) fn new(len: usize) -> Self {
        let all = len + LINE;
        let buffer = Self::kept(all);
        Self(if buffer.len() < all { vec![0.0; all] } else { buffer })
    }

    /// As [`new`](Self::new), for lengths that come from what a caller asked for.
    ///
    /// # Errors
    /// The memory is not there.
    pub(crate) fn of(len: usize) -> Result<Self> {
        let all = len.saturating_add(LINE);
        let mut buffer = Self::kept(all);
        if buffer.len() < all {
            buffer = room(all)?;
            buffer.resize(all, 0.0);
        }
        Ok(Self(buffer))
    }

    /// `len` floats that `fill` writes, every one, as [`filled`](super::uncleared::filled) does: for lengths that come
    /// from what a caller asked for.
    ///
    /// # Errors
    /// The memory is not there.
    ///
    /// # Safety
    /// `fill` writes all `len` floats behind the pointer.
    pub(crate) unsafe fn filled(len: usize, fill: impl FnOnce(Shared)) -> Result<Self> {
        let all = len.saturating_add(LINE);
        let mut buffer = Self::kept(all);
        let missing = buffer.len() < all;
        if missing {
            buffer = room(all)?;
        }
        let start = ahead(buffer.as_ptr());
        if missing {
            let (before, rest) = buffer.spare_capacity_mut()[..all].split_at_mut(start);
            before.iter_mut().chain(&mut rest[len..]).for_each(|x| _ = x.write(0.0));
        }
        // SAFETY: `len` floats lie behind the start, which is at most a line behind the first.
        fill(Shared::new(unsafe { buffer.as_mut_ptr().add(start) }));
        if missing {
            // SAFETY: the capacity is there and the caller vouches that all in between was written.
            unsafe { buffer.set_len(all) };
        }
        Ok(Self(buffer))
    }

    /// A buffer of this thread's pool that is long enough, else none.
    fn kept(len: usize) -> Vec<f32> {
        let mut buffer = POOL.with_borrow_mut(|pool| {
            // the smallest one that is large enough, else the largest
            let best = (0..pool.len()).min_by_key(|&i| {
                let have = pool[i].len();
                if have >= len { have } else { usize::MAX - have }
            });
            best.map(|i| pool.swap_remove(i)).unwrap_or_default()
        });
        if buffer.len() < len {
            // growing would copy what is not needed
            drop(std::mem::take(&mut buffer));
        }
        buffer
    }
}

/// Floats before the first one that begins a cache line.
fn ahead(buffer: *const f32) -> usize {
    buffer.align_offset(LINE * size_of::<f32>()).min(LINE)
}

impl Deref for Scratch {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.0[ahead(self.0.as_ptr())..]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        let start = ahead(self.0.as_ptr());
        &mut self.0[start..]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // The thread may be ending, its pool gone: then the buffer just goes too.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut() {
                pool.push(buffer);
                while pool.iter().map(Vec::len).sum::<usize>() > KEPT {
                    let largest = (0..pool.len()).max_by_key(|&i| pool[i].len());
                    largest.map(|i| pool.swap_remove(i));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs on a thread whose pool is new.
    fn alone(f: impl FnOnce() + Send + 'static) {
        assert!(std::thread::spawn(f).join().is_ok());
    }

    fn kept() -> usize {
        POOL.with_borrow(|pool| pool.iter().map(Vec::len).sum())
    }

    #[test]
    fn a_thread_keeps_no_more_than_the_limit_and_gives_the_largest_back_first() {
        alone(|| {
            // eight at a time, of which four fit
            let large: Vec<Scratch> = (0..8).map(|_| Scratch::new(KEPT / 4 - LINE)).collect();
            let small: Vec<Scratch> = (0..4).map(|_| Scratch::new(100 - LINE)).collect();
            drop(large);
            assert_eq!(kept(), KEPT);
            drop(small);
            assert_eq!(kept(), KEPT / 4 * 3 + 400, "the small ones do not stay");
            drop(Scratch::new(KEPT + 1));
            assert!(kept() <= KEPT);
        });
    }

    #[test]
    fn what_fits_is_used_again() {
        alone(|| {
            let first = Scratch::new(1000);
            let at = first.as_ptr();
            drop(first);
            assert_eq!(Scratch::new(900).as_ptr(), at);
            assert_eq!(kept(), 1000 + LINE);
            // SAFETY: all is written.
            let again = unsafe { Scratch::filled(800, |to| to.part(0, 800).fill(1.0)) };
            assert!(again.is_ok_and(|again| again.as_ptr() == at && again[..800] == [1.0; 800]));
        });
    }

    #[test]
    fn all_floats_are_there_and_begin_with_a_cache_line() {
        alone(|| {
            for len in [0, 1, 15, 16, 17, 1000] {
                // SAFETY: all is written.
                let filled = unsafe { Scratch::filled(len, |to| to.part(0, len).fill(1.0)) };
                let new = Scratch::new(len);
                let begins = |s: &Scratch| s.as_ptr().addr().is_multiple_of(64);
                assert!(new.len() >= len && begins(&new), "{len}");
                assert!(filled.is_ok_and(|f| f[..len].iter().all(|&x| x == 1.0) && begins(&f)), "{len}");
            }
        });
    }

    #[test]
    fn too_much_is_an_error() {
        for len in [1 << 50, usize::MAX / 4, usize::MAX] {
            // SAFETY: an error before anything is written.
            assert!(unsafe { Scratch::filled(len, |_| ()) }.is_err());
            assert!(Scratch::of(len).is_err());
        }
    }
}

//! Scratch memory that each thread keeps from one call to the next.

use super::uncleared::{Shared, room};
use candle_core::Result;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Scratch floats of arbitrary content, returned to this thread's pool when dropped.
pub(crate) struct Scratch(Vec<f32>);

/// Most floats that a thread keeps between calls, 64 MiB: a step of a network needs a handful of buffers at a time, the
/// largest of which take 14 MB in a ResNet-50 (batch 8, 224 x 224).
const KEPT: usize = 16 << 20;

impl Scratch {
    /// At least `len` floats of arbitrary (but initialized) content.
    pub(crate) fn new(len: usize) -> Self {
        let buffer = Self::kept(len);
        Self(if buffer.len() < len { vec![0.0; len] } else { buffer })
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
        let mut buffer = Self::kept(len);
        let missing = buffer.len() < len;
        if missing {
            buffer = room(len)?;
        }
        fill(Shared::new(buffer.as_mut_ptr()));
        if missing {
            // SAFETY: the capacity is there and the caller vouches that all of it was written.
            unsafe { buffer.set_len(len) };
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

impl Deref for Scratch {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
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
            let large: Vec<Scratch> = (0..8).map(|_| Scratch::new(KEPT / 4)).collect();
            let small: Vec<Scratch> = (0..4).map(|_| Scratch::new(100)).collect();
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
            assert_eq!(kept(), 1000);
            // SAFETY: all is written.
            let again = unsafe { Scratch::filled(800, |to| to.part(0, 800).fill(1.0)) };
            assert!(again.is_ok_and(|again| again.as_ptr() == at && again[..800] == [1.0; 800]));
        });
    }

    #[test]
    fn too_much_is_an_error() {
        for len in [1 << 50, usize::MAX / 4, usize::MAX] {
            // SAFETY: an error before anything is written.
            assert!(unsafe { Scratch::filled(len, |_| ()) }.is_err());
        }
    }
}

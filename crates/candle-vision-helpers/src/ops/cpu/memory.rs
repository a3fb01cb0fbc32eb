//! Buffers: scratch that is kept from one call to the next, fresh outputs that are not cleared first, and shared
//! writing.

use candle_core::{Result, bail};
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Scratch floats of arbitrary content, handed back to this thread's pool when dropped.
pub(crate) struct Scratch(Vec<f32>);

/// Most floats that a thread keeps between calls, 64 MiB: a step of a network needs a handful of buffers at a time, the
/// largest of which take 14 MB in a ResNet-50 (batch 8, 224 x 224).
const KEPT: usize = 16 << 20;

impl Scratch {
    /// At least `len` floats of arbitrary (but initialised) content.
    pub(crate) fn new(len: usize) -> Self {
        let buffer = Self::kept(len);
        Self(if buffer.len() < len { vec![0.0; len] } else { buffer })
    }

    /// `len` floats that `fill` writes, every one, as [`filled`] does: for lengths that come from what a caller asked
    /// for.
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
        fill(Shared(buffer.as_mut_ptr()));
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
            // growing would copy what nobody needs
            drop(std::mem::take(&mut buffer));
        }
        buffer
    }
}

/// Capacity for `len` floats, or an error where the program would end.
fn room(len: usize) -> Result<Vec<f32>> {
    let mut v = Vec::new();
    match v.try_reserve_exact(len) {
        Ok(()) => Ok(v),
        Err(_) => bail!("no memory for {len} floats"),
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

/// A pointer that tasks may write through, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: who writes through it sees to it that tasks touch disjoint parts.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn of(slice: &mut [f32]) -> Self {
        Self(slice.as_mut_ptr())
    }
    #[inline(always)]
    pub(crate) fn ptr(&self) -> *mut f32 {
        self.0
    }
    /// The part from `start` on, `len` long.
    ///
    /// # Safety
    /// It lies inside the buffer, nobody else touches it meanwhile, and it is initialised or only written.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part<'a>(&self, start: usize, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// A vector of `len` floats that `fill` writes, every one: saves the pass that would clear it.
///
/// # Errors
/// The memory is not there, or what `fill` reports.
///
/// # Safety
/// `fill` writes all `len` floats behind the pointer, or reports an error.
pub(crate) unsafe fn filled(len: usize, fill: impl FnOnce(Shared) -> Result<()>) -> Result<Vec<f32>> {
    let mut v = room(len)?;
    fill(Shared(v.as_mut_ptr()))?;
    // SAFETY: the capacity is there and the caller vouches that all of it was written.
    unsafe { v.set_len(len) };
    Ok(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread with a pool of its own.
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
            let (scratch, vector) = unsafe { (Scratch::filled(len, |_| ()), filled(len, |_| Ok(()))) };
            assert!(scratch.is_err() && vector.is_err_and(|e| e.to_string().contains("no memory for")));
        }
    }
}

//! Buffers: scratch that is kept from one call to the next, fresh outputs that are not cleared first, and shared writing.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Scratch floats of arbitrary content, handed back to this thread's pool when dropped.
pub(crate) struct Scratch(Vec<f32>);

/// Most buffers a thread keeps; a step of a network needs a handful at a time.
const KEPT: usize = 8;

impl Scratch {
    /// At least `len` floats of arbitrary (but initialised) content.
    pub(crate) fn new(len: usize) -> Self {
        let mut buffer = POOL.with_borrow_mut(|pool| {
            // the smallest one that is large enough, else the largest
            let best = (0..pool.len()).min_by_key(|&i| {
                let have = pool[i].len();
                if have >= len { have } else { usize::MAX - have }
            });
            best.map(|i| pool.swap_remove(i)).unwrap_or_default()
        });
        if buffer.len() < len {
            // dropped first: growing would copy what nobody needs
            drop(std::mem::take(&mut buffer));
            buffer = vec![0.0; len];
        }
        Self(buffer)
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
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < KEPT
            {
                pool.push(buffer);
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
/// # Safety
/// `fill` writes all `len` floats behind the pointer.
pub(crate) unsafe fn filled<E>(len: usize, fill: impl FnOnce(Shared) -> Result<(), E>) -> Result<Vec<f32>, E> {
    let mut v: Vec<f32> = Vec::with_capacity(len);
    fill(Shared(v.as_mut_ptr()))?;
    // SAFETY: the capacity is there and the caller vouches that all of it was written.
    unsafe { v.set_len(len) };
    Ok(v)
}

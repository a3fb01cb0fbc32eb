//! Fresh memory that is written without being cleared first, by many tasks at once.

use candle_core::{Result, bail};

/// A pointer that tasks may write through, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: who writes through it sees to it that tasks touch disjoint parts.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn new(to: *mut f32) -> Self {
        Self(to)
    }
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
    /// It lies inside the buffer, nothing else touches it meanwhile, and it is initialized or only written.
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
/// The memory is not there.
///
/// # Safety
/// `fill` writes all `len` floats behind the pointer.
pub(crate) unsafe fn filled(len: usize, fill: impl FnOnce(Shared)) -> Result<Vec<f32>> {
    // SAFETY: the caller's contract.
    unsafe {
        try_filled(len, |to| {
            fill(to);
            Ok(())
        })
    }
}

/// As [`filled`], where the work may fail.
///
/// # Errors
/// The memory is not there, or what `fill` reports.
///
/// # Safety
/// `fill` writes all `len` floats behind the pointer, or reports an error.
pub(crate) unsafe fn try_filled(len: usize, fill: impl FnOnce(Shared) -> Result<()>) -> Result<Vec<f32>> {
    let mut v = room(len)?;
    fill(Shared(v.as_mut_ptr()))?;
    // SAFETY: the capacity is there and the caller vouches that all of it was written.
    unsafe { v.set_len(len) };
    Ok(v)
}

/// Capacity for `len` floats, or an error where the program would end.
pub(crate) fn room(len: usize) -> Result<Vec<f32>> {
    let mut v = Vec::new();
    match v.try_reserve_exact(len) {
        Ok(()) => Ok(v),
        Err(_) => bail!("expected memory for {len} floats, got none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_an_error() {
        for len in [1 << 50, usize::MAX / 4, usize::MAX] {
            // SAFETY: an error before anything is written.
            let vector = unsafe { filled(len, |_| ()) };
            assert!(vector.is_err_and(|e| e.to_string().contains("expected memory for")));
        }
    }
}

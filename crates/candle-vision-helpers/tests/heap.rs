//! This thread's memory, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what passes through it. Tensors are made, and mostly dropped, by the thread that calls an operation.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Bytes now in use that this thread asked for, less those of others that it freed, and the most since it was set.
    static USED: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count(bytes: isize) {
    USED.with(|used| {
        let (now, most) = used.get();
        used.set((now + bytes, most.max(now + bytes)));
    });
}

fn size(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or_default()
}

// SAFETY: all is the system's; what is counted beside is a number without a destructor, for which nothing is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout));
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(size(layout));
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-size(layout));
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Bytes in use, counted for this thread.
pub(crate) fn used() -> isize {
    USED.get().0
}

/// What `f` gives, and by how many bytes more at a time than at its start this thread used in it.
pub(crate) fn most<T>(f: impl FnOnce() -> T) -> (T, isize) {
    let start = used();
    USED.set((start, start));
    let result = f();
    (result, USED.get().1 - start)
}

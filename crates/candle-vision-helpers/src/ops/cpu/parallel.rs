//! Loops over all cores. What a task computes never depends on how many threads there are.

use rayon::prelude::*;

/// Runs `task(0) .. task(count - 1)`, over the threads of the current rayon pool.
pub(crate) fn for_each(count: usize, task: impl Fn(usize) + Send + Sync) {
    if count <= 1 || rayon::current_num_threads() == 1 {
        (0..count).for_each(task);
    } else {
        (0..count).into_par_iter().for_each(task);
    }
}

/// As [`for_each`], with what the tasks return, in order.
pub(crate) fn map<T: Send>(count: usize, task: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    if count <= 1 || rayon::current_num_threads() == 1 {
        (0..count).map(task).collect()
    } else {
        (0..count).into_par_iter().map(task).collect()
    }
}

/// As [`for_each`] over ranges of `0..len`, `size` long except for the last.
pub(crate) fn for_chunks(len: usize, size: usize, task: impl Fn(usize, usize) + Send + Sync) {
    let size = size.max(1);
    for_each(len.div_ceil(size), |i| task(i * size, ((i + 1) * size).min(len)));
}

/// Parts that each of `tasks` is cut into, so that every thread has `each` to take; at most `most`. One thread needs
/// none.
pub(crate) fn parts(each: usize, tasks: usize, most: usize) -> usize {
    let threads = rayon::current_num_threads();
    if threads == 1 { 1 } else { (each * threads).div_ceil(tasks).clamp(1, most) }
}

/// At least `tasks` tasks, as many for each thread as for any other; at most `most`.
pub(crate) fn shared_out(tasks: usize, most: usize) -> usize {
    tasks.next_multiple_of(rayon::current_num_threads()).min(most)
}

/// The `i`-th of `parts` parts of `0..len`, as even as can be.
pub(crate) fn part(len: usize, i: usize, parts: usize) -> (usize, usize) {
    (len * i / parts, len * (i + 1) / parts)
}

/// Elements that a task of a cheap elementwise loop takes: enough to outweigh the hand-over, little enough to share
/// out.
pub(crate) const GRAIN: usize = 16 * 1024;

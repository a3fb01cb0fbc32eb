//! Each task once and in its turn, panics that reach the caller, and pools whose threads have other work.
#![allow(clippy::panic)] // a test says so by panicking

use super::*;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Barrier, mpsc};

const REPEATS: usize = if cfg!(miri) { 2 } else { 50 };

fn pool(threads: usize) -> ThreadPool {
    match ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool,
        Err(e) => panic!("{e}"),
    }
}

/// Loops of these lengths, whose tasks are counted: each must find those of the loop before it all done.
fn counted(threads: usize, loops: &[usize]) {
    let begun: Vec<Vec<AtomicUsize>> =
        loops.iter().map(|count| (0..*count).map(|_| AtomicUsize::new(0)).collect()).collect();
    together(threads, |team| {
        for (l, count) in loops.iter().enumerate() {
            team.for_each(*count, |i| {
                // what tasks write needs no order of its own: the loop's end is one
                assert!(l == 0 || begun[l - 1].iter().all(|task| task.load(Relaxed) == 1), "loop {l}");
                begun[l][i].fetch_add(1, Relaxed);
            });
        }
    });
    assert!(begun.iter().flatten().all(|task| task.load(Relaxed) == 1));
}

const LOOPS: [usize; 9] = [3, 1, 0, 64, 2, 7, 1, 0, 16];

#[test]
fn every_task_runs_once_and_after_the_loop_before() {
    for threads in [1, 2, 3, 8] {
        pool(threads).install(|| (0..REPEATS).for_each(|_| counted(threads, &LOOPS)));
    }
}

#[test]
fn an_idle_thread_comes_to_help() {
    // from a thread of the pool and from another one
    let (pool, meet) = (pool(3), Barrier::new(3));
    let all = || together(3, |team| team.for_each(3, |_| _ = meet.wait()));
    pool.install(all);
    pool.install(|| for_each(3, |_| _ = meet.wait()));
    // the same pool again, whose threads sleep by now or not
    pool.install(|| (0..REPEATS).for_each(|_| all()));
}

#[test]
fn nobody_waits_for_a_thread_that_has_other_work() {
    pool(2).install(|| {
        let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        rayon::spawn(move || {
            assert!(begin.send(()).is_ok());
            assert!(ended.recv().is_ok());
        });
        // the other thread is at work
        assert!(begun.recv().is_ok());
        (0..REPEATS).for_each(|_| counted(2, &LOOPS));
        assert!(end.send(()).is_ok());
    });
}

#[test]
fn callers_that_share_a_pool_all_finish() {
    let pool = pool(2);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| pool.install(|| (0..REPEATS).for_each(|_| counted(2, &LOOPS))));
        }
    });
    // inside of tasks, too
    pool.install(|| (0..REPEATS).into_par_iter().for_each(|_| counted(2, &LOOPS)));
    pool.install(|| for_each(5, |_| for_each(3, |_| counted(2, &LOOPS))));
}

#[test]
fn a_panic_reaches_the_caller_and_stops_all() {
    for threads in [1, 2, 3] {
        pool(threads).install(|| {
            for i in 0..REPEATS {
                let done = AtomicUsize::new(0);
                let program = |team: &Member<'_>| {
                    team.for_each(8, |_| ());
                    // without a message
                    team.for_each(8, |task| {
                        if task == i % 8 {
                            resume_unwind(Box::new(i))
                        }
                    });
                    team.for_each(8, |_| _ = done.fetch_add(1, Relaxed));
                };
                match catch_unwind(AssertUnwindSafe(|| together(threads, program))) {
                    Ok(()) => panic!("no panic"),
                    Err(panic) => assert_eq!(panic.downcast_ref::<usize>(), Some(&i)),
                }
                assert_eq!(done.load(Relaxed), 0);
            }
            // and the pool is as good as before
            counted(threads, &LOOPS);
        });
    }
}

#[test]
fn a_panic_between_loops_of_one_member_stops_the_others() {
    pool(2).install(|| {
        let meet = Barrier::new(2);
        let program = |team: &Member<'_>| {
            // both are here
            team.for_each(2, |_| _ = meet.wait());
            if team.share == 1 {
                resume_unwind(Box::new("helper"));
            }
            team.for_each(2, |_| ());
        };
        // the caller may do the rest alone: nothing of it was the helper's
        let panic = catch_unwind(AssertUnwindSafe(|| together(2, program)));
        assert_eq!(panic.err().and_then(|panic| panic.downcast_ref::<&str>().copied()), Some("helper"));
    });
}

//! Threads that run a program of many loops together, without being woken anew for each loop.
//!
//! The caller begins at once, and threads of rayon's current pool that have nothing else to do come to help. All run
//! the same program. In a loop each takes the tasks of its own share, the same part of every loop, so that it finds
//! much of what it reads in its own cache, and then what others have left; the next loop begins when the last task is
//! done. Nobody waits for a thread that has not come, nor for one that does no task: where the pool or the machine has
//! other work, those who are there do it all. What a task computes never depends on who does it.

use super::parallel::part;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Turns for which a thread looks again without giving its core away: a few microseconds, as most waits are.
const SPINS: u32 = 200;
/// Time for which it offers its core to others and looks again; afterwards it sleeps in between.
const YIELDS: Duration = Duration::from_millis(1);
const NAP: Duration = Duration::from_micros(100);

/// In [`Team::inside`]: nobody may come in any more.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// One of the threads that run a program, or the only one.
pub(crate) struct Member<'a> {
    team: Option<&'a Team>,
    share: usize,
    /// Loops so far.
    loops: Cell<u64>,
    /// Tasks of all of them.
    tasks: Cell<u64>,
}

impl<'a> Member<'a> {
    /// A thread by itself.
    pub(crate) const fn alone() -> Self {
        Self { team: None, share: 0, loops: Cell::new(0), tasks: Cell::new(0) }
    }

    fn of(team: &'a Team, share: usize) -> Self {
        Self { team: Some(team), share, ..Member::alone() }
    }

    /// Threads that there are at most.
    pub(crate) fn threads(&self) -> usize {
        self.team.map_or(1, |team| team.shares.len())
    }

    /// Runs `task(0) .. task(count - 1)` and returns when all are done, by whichever thread. All members must come to
    /// the same loops in the same order, each below 2³² tasks.
    ///
    /// Unwinds where a task of another member has panicked.
    pub(crate) fn for_each(&self, count: usize, task: impl Fn(usize)) {
        let Some(team) = self.team else { return (0..count).for_each(task) };
        self.loops.set(self.loops.get() + 1);
        self.tasks.set(self.tasks.get() + count as u64);
        let (shares, mut done) = (team.shares.len(), 0);
        for share in (self.share..shares).chain(0..self.share) {
            let (first, end) = part(count, share, shares);
            while let Some(i) = team.take(share, self.loops.get(), end - first) {
                task(first + i);
                done += 1;
            }
        }
        if done > 0 {
            team.done.0.fetch_add(done, Release);
        }
        team.wait(self.tasks.get());
    }
}

/// A line of the cache, and the one that processors fetch with it.
#[repr(align(128))]
struct Line<T>(T);

/// What the members know of each other.
struct Team {
    /// Of each member's share of a loop the tasks that are taken, behind the loop's number in the upper half.
    shares: Vec<Line<AtomicU64>>,
    /// Tasks that are done, of all loops.
    done: Line<AtomicU64>,
    /// Threads that came to help and have not left.
    inside: AtomicUsize,
    /// Whether a member has panicked.
    stopped: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The panic of a member that stops because another one did.
struct Stopped;

impl Team {
    fn new(threads: usize) -> Self {
        Self {
            shares: (0..threads).map(|_| Line(AtomicU64::new(0))).collect(),
            done: Line(AtomicU64::new(0)),
            inside: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            panic: Mutex::new(None),
        }
    }

    /// The next of `len` tasks of a share. A loop that is over has none, and nobody comes to one before the last is
    /// over.
    fn take(&self, share: usize, number: u64, len: usize) -> Option<usize> {
        let (taken, first) = (&self.shares[share].0, number << 32);
        let mut seen = taken.load(Relaxed);
        loop {
            // where nobody has begun with the share it has the number of an earlier loop
            let next = seen.max(first);
            if next >= first + len as u64 {
                return None;
            }
            match taken.compare_exchange_weak(seen, next + 1, Relaxed, Relaxed) {
                Ok(_) => return Some((next - first) as usize),
                Err(now) => seen = now,
            }
        }
    }

    /// Waits until so many tasks are done.
    fn wait(&self, tasks: u64) {
        let mut patience = Patience::default();
        while self.done.0.load(Acquire) < tasks {
            if self.stopped.load(Relaxed) {
                resume_unwind(Box::new(Stopped));
            }
            patience.wait();
        }
    }

    /// Runs a member's program; where it panics the others stop at their next wait.
    fn run(&self, share: usize, program: impl FnOnce(&Member<'_>)) {
        let member = Member::of(self, share);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| program(&member))) {
            if !panic.is::<Stopped>() {
                self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
            }
            self.stopped.store(true, Relaxed);
        }
    }

    /// Whether a helper may come in.
    fn enter(&self) -> bool {
        let one_more = |inside: usize| (inside & CLOSED == 0).then_some(inside + 1);
        self.inside.fetch_update(Acquire, Relaxed, one_more).is_ok()
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Release);
    }

    /// Lets nobody in any more and waits until all have left.
    fn close(&self) {
        self.inside.fetch_or(CLOSED, Relaxed);
        let mut patience = Patience::default();
        while self.inside.load(Acquire) != CLOSED {
            patience.wait();
        }
    }
}

/// How a thread waits for another that is at work: ready at first, and harmless where that one has lost its core.
#[derive(Default)]
struct Patience {
    turns: u32,
    since: Option<Instant>,
}

impl Patience {
    fn wait(&mut self) {
        if self.turns < SPINS {
            self.turns += 1;
            std::hint::spin_loop();
        } else if self.since.get_or_insert_with(Instant::now).elapsed() < YIELDS {
            thread::yield_now();
        } else {
            thread::sleep(NAP);
        }
    }
}

/// A program that lives until its team is closed.
#[derive(Clone, Copy)]
struct Program {
    it: *const (),
    run: unsafe fn(*const (), &Member<'_>),
}

// SAFETY: what it points to is `Sync`, as `together` asks for.
unsafe impl Send for Program {}

/// # Safety
/// `program` points to an `F` that is alive.
unsafe fn run_as<F: Fn(&Member<'_>)>(program: *const (), member: &Member<'_>) {
    // SAFETY: the caller's contract.
    (unsafe { &*program.cast::<F>() })(member);
}

/// Runs `program` on this thread and on as many others of rayon's current pool as come, below `threads`. They are all
/// out of it again when this returns.
///
/// A panic of any of them goes on here.
pub(crate) fn together<F: Fn(&Member<'_>) + Sync>(threads: usize, program: F) {
    if threads <= 1 {
        return program(&Member::alone());
    }
    let team = Arc::new(Team::new(threads));
    let lent = Program { it: (&raw const program).cast(), run: run_as::<F> };
    team.run(0, |member| {
        call(&team, 1, lent);
        program(member);
    });
    team.close();
    if let Some(panic) = team.panic.lock().unwrap_or_else(PoisonError::into_inner).take() {
        resume_unwind(panic);
    }
}

/// Calls for the helper with this share. Each who comes calls for two more, since waking a thread takes a while.
fn call(team: &Arc<Team>, share: usize, program: Program) {
    if share >= team.shares.len() {
        return;
    }
    let team = Arc::clone(team);
    rayon::spawn(move || {
        // too late: the program may be gone
        if !team.enter() {
            return;
        }
        team.run(share, |member| {
            call(&team, 2 * share, program);
            call(&team, 2 * share + 1, program);
            // SAFETY: the caller waits in `close` until this thread has left.
            unsafe { (program.run)(program.it, member) };
        });
        team.leave();
    });
}

/// Runs `task(0) .. task(count - 1)` on this thread and those that come to help.
pub(crate) fn for_each(count: usize, task: impl Fn(usize) + Sync) {
    together(rayon::current_num_threads().min(count), |member| member.for_each(count, &task));
}

#[cfg(test)]
mod tests;

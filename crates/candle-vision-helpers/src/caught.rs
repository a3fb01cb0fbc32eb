//! Panics of others' code that takes its input for granted, as errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder or parser that may panic over a damaged input, and returns what it does. It must change nothing that
/// lives on: a panic would leave that half done.
///
/// The process's panic hook is replaced, once, by one that says nothing of the panics that are caught here and hands
/// all others on to the hook before.
///
/// # Errors
/// The panic's words, in one line.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHING.try_with(Cell::get).unwrap_or(false) {
                before(info);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    CATCHING.set(outer);
    result.map_err(|panic| words(&*panic).lines().collect::<Vec<_>>().join(" "))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "for no reason given",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)] // what is tested
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_one_line_and_all_else_passes_through() {
        assert_eq!(caught(|| 7), Ok(7));
        let index = 3;
        assert_eq!(caught(|| panic!("row {index}\nof 2")), Err::<(), _>("row 3 of 2".to_owned()));
        assert_eq!(caught(|| panic::panic_any(5)), Err::<(), _>("for no reason given".to_owned()));
        let nested = caught(|| caught(|| panic!("inner")).and(Ok::<_, String>(())));
        assert_eq!(nested, Ok(Err("inner".to_owned())));
    }

    /// The hook is the process's, so both kinds of panic are looked at in one test.
    #[test]
    fn only_panics_that_are_caught_here_are_silent() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        // the hook of `caught` stands before this one, or behind it: both pass on what is not caught there
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|place| place.file() == file!()) && !CATCHING.get() {
                SEEN.fetch_add(1, Ordering::Relaxed);
            } else {
                before(info);
            }
        }));
        assert_eq!(caught(|| panic!("quiet")), Err::<(), _>("quiet".to_owned()));
        assert_eq!(SEEN.load(Ordering::Relaxed), 0);
        assert!(!CATCHING.get(), "expected the flag to be as before");
        assert!(panic::catch_unwind(|| panic!("loud")).is_err());
        assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    }
}

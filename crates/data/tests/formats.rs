//! Annotation formats: what is read, and that everything broken names its file, its line and what was expected.

mod asf;
mod imglab;
mod pts;

use facekp_data::Error;

/// That an error is one line with this in it.
#[track_caller]
fn says(error: &Error, expected: &str) {
    let text = error.to_string();
    assert!(text.contains(expected), "{expected:?} is not in {text:?}");
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert!(text.contains("expected") && text.contains("got"), "{text:?}");
}

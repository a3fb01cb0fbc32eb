//! The tests of the training crate that need no private names: one program, linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod diverged;
mod examples;
mod recipes_page;

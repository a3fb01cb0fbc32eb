//! Predictions, baselines and the report page through the public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod baseline;
mod common;
mod finder;
mod predict;
mod report;

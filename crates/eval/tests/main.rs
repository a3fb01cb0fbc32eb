//! Predictions, baselines and the report page through the public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

mod baseline;
mod common;
mod finder;
mod hidden;
mod moved;
mod photos;
mod predict;
mod report;
mod tracks;

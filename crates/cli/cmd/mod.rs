//! The commands, one a file: its arguments and its `run`.

pub mod bench;
pub mod datasets;
pub mod eval;
pub mod export;
pub mod finder;
pub mod pages;
pub mod predict;
pub mod report;
pub mod train;

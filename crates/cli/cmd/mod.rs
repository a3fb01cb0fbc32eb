//! The commands, one a file: its arguments and its `run`.

pub(crate) mod bench;
pub(crate) mod calibrate;
pub(crate) mod completions;
pub(crate) mod datasets;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod finder;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod pages;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod serve;
pub(crate) mod track;
pub(crate) mod train;
pub(crate) mod weights;

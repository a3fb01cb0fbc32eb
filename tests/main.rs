//! Whole-command tests, all in one program: it is linked once, and what they share is made once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bad_ibug;
mod bad_input;
mod bench;
mod calibrate;
mod commands;
mod common;
#[cfg(feature = "cuda")]
mod devices;
mod doctor;
mod faces;
#[cfg(unix)]
mod faults;
mod finder_cli;
mod golden;
#[cfg(unix)]
mod killed;
mod library;
#[cfg(unix)]
mod many_pictures;
mod onnx_cli;
mod overfit;
mod own_data;
mod own_formats;
mod own_points;
#[cfg(unix)]
mod photos;
mod pictures_cli;
mod promises;
mod resume;
mod run_folders;
mod serve;
mod shells;
#[cfg(unix)]
mod streams;
mod tracks;
mod weights_names;

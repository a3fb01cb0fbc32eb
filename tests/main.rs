//! Whole-command tests, all in one program: it is linked once, and what they share is made once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bad_ibug;
mod bad_input;
mod bench;
mod calibrate;
#[cfg(target_os = "linux")]
mod clocks;
mod commands;
mod common;
mod corpus;
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
#[cfg(unix)]
mod killed_commands;
mod library;
#[cfg(unix)]
mod many_pictures;
#[cfg(all(target_os = "linux", feature = "mpi"))]
mod mpi;
mod onnx_cli;
mod overfit;
mod own_data;
mod own_formats;
mod own_points;
#[cfg(unix)]
mod photos;
mod pictures_cli;
mod promises;
mod replaced;
mod resume;
mod run_folders;
mod serve;
#[cfg(unix)]
mod serve_faults;
mod serve_load;
mod shells;
#[cfg(unix)]
mod streams;
mod supply;
mod tracks;
mod weights_names;

//! The tests of the crate from outside, as one program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

mod annotated_pictures;
mod boxed_photos;
mod convert;
mod convert_stored;
mod csv;
mod cut_kinds;
mod datasets;
#[cfg(feature = "fetch")]
mod edit;
mod examples;
mod fetch;
mod formats;
mod hidden;
mod kinds;
mod limits;
mod lists_and_folds;
mod own_folders;
mod packs;
mod pictures;
mod real_data;
mod recognition;
mod schemes;
mod splits;
mod useless_lists;
mod videos;
mod whole_pictures;
mod wings;

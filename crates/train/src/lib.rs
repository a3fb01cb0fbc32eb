//! Recipes and the training loop.
#![doc = include_str!("../README.md")]

mod batches;
mod begin;
mod checkpoint;
mod compute;
mod data;
pub mod device;
mod digest;
mod error;
mod fit;
mod history;
mod leader;
pub mod loss;
mod meter;
pub mod observe;
pub mod optim;
mod overlap;
pub mod ranks;
pub mod recipe;
mod request;
mod schedule;
#[cfg(test)]
mod testing;
mod trainer;
mod warm_start;

pub use begin::{Begin, Mode};
pub use compute::Compute;
pub use data::{Data, Faces};
pub use error::{Error, Result};
pub use fit::{Outcome, fit};
pub use observe::{Observer, Plan};
pub use recipe::Recipe;
pub use request::Request;
pub use schedule::ScheduleConfig;

//! Recipes and the training loop: optimisers, schedules, losses, checkpoints, observers.

pub mod begin;
pub mod checkpoint;
pub mod device;
pub mod error;
pub mod faces;
pub mod fit;
pub mod loss;
pub mod observe;
pub mod optim;
pub mod recipe;
pub mod schedule;
mod start;
mod stream;
#[cfg(test)]
mod testing;
mod trainer;

pub use begin::{Begin, Mode, Request};
pub use error::{Error, Result};
pub use fit::{Outcome, fit};
pub use observe::Observer;
pub use recipe::Recipe;

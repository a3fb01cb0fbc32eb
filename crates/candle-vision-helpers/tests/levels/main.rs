//! Tests that choose an instruction set. A process of their own: the choice holds for all of it, and other tests
//! compare results bit for bit.
#![allow(clippy::panic, clippy::print_stderr)] // a test says so by panicking, and what it could not try

mod bf16;
mod bits;
#[path = "../common/mod.rs"]
mod common;
mod depthwise;
mod frozen;
mod frozen_edges;
mod frozen_outputs;
mod nan;
mod panels;
mod portable;
mod switched;
mod winograd;

use candle_core::Result;
use candle_vision_helpers::ops::{self, Level};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The right to choose, for one test at a time. The best set is in use when it is taken, and again when it is dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Turn {
    pub(crate) fn take() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        ops::force_level(Level::Avx512);
        Self(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        ops::force_level(Level::Avx512);
    }
}

/// Runs a check with every instruction set that the processor has.
pub(crate) fn at_every_level(check: impl Fn(Level) -> Result<()>) -> Result<()> {
    let _turn = Turn::take();
    for level in Level::ALL {
        if ops::force_level(level) == level {
            check(level)?;
        }
    }
    Ok(())
}

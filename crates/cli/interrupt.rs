//! Ctrl-C while a network trains: once ends the run after its step, twice at once.

use anyhow::{Context, Result};
use facekp_train::Observer;
use std::sync::atomic::{AtomicBool, Ordering};

/// The status of a program that a signal ended, as shells have it: 128 and the signal's number.
pub(crate) const STATUS: u8 = 130;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// Ends a run where Ctrl-C was pressed.
pub(crate) struct Interrupt;

impl Interrupt {
    /// From now on Ctrl-C no longer ends the program the first time.
    pub(crate) fn listen() -> Result<()> {
        let pressed = || {
            if PRESSED.swap(true, Ordering::Relaxed) {
                std::process::exit(STATUS.into());
            }
            tracing::warn!("stopping behind this step; Ctrl-C again ends at once");
        };
        ctrlc::set_handler(pressed).context("Ctrl-C: expected to be told of it")
    }
}

impl Observer for Interrupt {
    fn stops(&mut self) -> bool {
        PRESSED.load(Ordering::Relaxed)
    }
}

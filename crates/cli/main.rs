//! `facekp`: train, evaluate and run facial keypoint networks.
//!
//! Results go to stdout, logs and progress bars to stderr. Exit status 0, 1 (failed: one line that says what and
//! where), 2 (usage), 130 (a training that Ctrl-C ended).

mod args;
mod cmd;
mod interrupt;
mod launch;
mod output;
mod parse;
mod processor;
mod progress;
mod shared_args;
mod terminal;
mod weights_manifest;

use args::{Cli, Command};
use clap::Parser;
use std::{io::ErrorKind, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    candle_vision_helpers::ops::keep_freed_memory();
    facekp_data::picture::set_max_pixels(cli.max_pixels);
    logging(&cli);
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        // `facekp … | head` is no failure
        Err(e) if output::is_of_kind(&e, &[ErrorKind::BrokenPipe]) => ExitCode::SUCCESS,
        Err(e) => {
            output::fail(&e);
            match e.downcast_ref() {
                Some(facekp_train::Error::Stopped { .. }) => ExitCode::from(interrupt::STATUS),
                _ if e.is::<output::Usage>() => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn logging(cli: &Cli) {
    // of processes that train together the first one logs; those of other commands have nothing in common
    let default = if matches!(cli.command, Command::Train(_)) && launch::rank() > 0 {
        "error"
    } else if cli.quiet {
        "warn"
    } else if cli.verbose {
        "debug"
    } else {
        "info"
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("FACEKP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal::has_color())
        // it would report a write that failed by a write that panics
        .log_internal_errors(false)
        .without_time()
        .with_target(false)
        .init();
}

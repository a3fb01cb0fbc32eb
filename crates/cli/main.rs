//! `facekp`: train, evaluate and run facial keypoint networks.
//!
//! Results go to stdout, logs and progress bars to stderr. Exit status 0, 1 (failed: one line that says what and where), 2 (usage).

mod args;
mod cmd;
mod parse;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    candle_vision_helpers::ops::keep_freed_memory();
    logging(cli.quiet, cli.verbose);
    let outcome = match cli.command {
        Command::Train(a) => cmd::train::run(&a),
        Command::Eval(a) => cmd::eval::run(&a),
        Command::Predict(a) => cmd::predict::run(&a),
        Command::Report(a) => cmd::report::run(&a),
        Command::Datasets(a) => cmd::datasets::run(&a),
        Command::Export(a) => cmd::export::run(&a),
        Command::Bench(a) => cmd::bench::run(&a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if is_closed_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            fail(&e);
            ExitCode::FAILURE
        }
    }
}

/// One line, whatever the causes: errors are read in terminals and in logs of CI.
#[allow(clippy::print_stderr)]
fn fail(e: &anyhow::Error) {
    let mut line = e.to_string();
    for cause in e.chain().skip(1).map(ToString::to_string) {
        // many errors quote their cause themselves
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    eprintln!("facekp: {}", line.replace('\n', " "));
}

/// `facekp … | head` is no failure.
fn is_closed_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|c| c.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
}

fn logging(quiet: bool, verbose: bool) {
    let default = if quiet {
        "warn"
    } else if verbose {
        "debug"
    } else {
        "info"
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("FACEKP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

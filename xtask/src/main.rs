//! `cargo xtask`: runs the whole chain, and what CI runs. Depends on no crate of the project, so that it compiles in
//! seconds.

mod bench;
mod ci;
mod direction;
mod jobs;
mod provide;
mod results;
mod run;
mod tidy;
mod train_all;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Tasks of the facekp workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", after_help = "Example: cargo xtask train-all --profile quick --data datasets")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train every network, measure it, draw the report page, print one table.
    TrainAll(train_all::Args),
    /// What .ci/run runs: formatting, clippy, the crates' direction of dependence, all tests, train-all in the smoke
    /// profile.
    Ci(ci::Args),
    /// Measure training steps and inference beside PyTorch and candle's stock operations; writes docs/benchmarks.md.
    Bench(bench::Args),
    /// Check the habits that no compiler checks: a duty in every file, lengths, words, links, unused dependencies.
    Tidy,
    /// Measure run folders and write docs/results.md with their curves.
    Results(results::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::TrainAll(a) => train_all::run(&a),
        Command::Ci(a) => ci::run(&a),
        Command::Bench(a) => bench::run(&a),
        Command::Tidy => tidy::check(),
        Command::Results(a) => results::run(&a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            run::log(&format!("failed: {e:#}"));
            ExitCode::FAILURE
        }
    }
}

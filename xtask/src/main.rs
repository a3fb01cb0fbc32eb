//! `cargo xtask`: runs the whole chain, and what CI runs. Depends on no crate of the project, so that it compiles in
//! seconds; what it has to know of recipes and datasets, it asks the program.

mod ci;
mod pages;
mod provide;
mod run;
mod tidy;
mod train_all;

use clap::Parser;
use std::process::ExitCode;

/// Tasks of the facekp workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", after_help = "Example: cargo xtask train-all --profile quick --data datasets")]
enum Task {
    /// Train every network, measure it, draw the report page, print one table.
    TrainAll(train_all::Args),
    /// Run all checks of CI: formatting, habits, documentation, clippy, all tests, train-all in the smoke profile.
    Ci(ci::Args),
    /// Measure training steps and inference beside PyTorch and candle's stock operations; writes docs/benchmarks.md.
    Bench(pages::Bench),
    /// Check the habits that no compiler checks: a duty in every file, lengths, words, links, dependencies, modules.
    Tidy,
    /// Measure run folders and write docs/results.md with their curves.
    Results(pages::Results),
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::TrainAll(a) => train_all::run(&a),
        Task::Ci(a) => ci::run(&a),
        Task::Bench(a) => pages::bench(&a),
        Task::Tidy => tidy::check(),
        Task::Results(a) => pages::results(&a),
    };
    if let Err(e) = outcome {
        run::log(&format!("failed: {e:#}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

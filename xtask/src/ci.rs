//! What `.ci/run` runs.

use crate::{direction, run, train_all};
use anyhow::Result;

/// `cargo xtask ci`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out `train-all --profile smoke`.
    #[arg(long)]
    no_train: bool,
}

pub fn run(a: &Args) -> Result<()> {
    run::step("formatting", run::cargo().args(["fmt", "--all", "--check"]))?;
    direction::check()?;
    run::step(
        "clippy",
        run::cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    )?;
    run::check("tests", run::cargo().args(["test", "--workspace"]))?;
    if !a.no_train {
        train_all::run(&train_all::Args::smoke(run::root().join("target/ci-train-all")))?;
    }
    run::log("all passed");
    Ok(())
}

//! What `.ci/run` runs.

use crate::{run, tidy, train_all};
use anyhow::Result;

/// `cargo xtask ci`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out `train-all --profile smoke`.
    #[arg(long)]
    no_train: bool,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    // all files: rustfmt does not look for modules in the tables of losses and formats
    run::step("formatting", run::cargo("fmt --all --check --").args(tidy::files("*.rs")?.lines()))?;
    tidy::check()?;
    let mut doc = run::cargo("doc --workspace --no-deps --document-private-items --locked");
    run::step("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    run::step("clippy", &mut run::cargo("clippy --workspace --all-targets --locked -- -D warnings"))?;
    for crates in ["-p candle-vision-helpers -p facekp-data", "-p facekp"] {
        let alone = format!("clippy {crates} --lib --no-default-features --locked -- -D warnings");
        run::step("clippy without tensors, downloads, program", &mut run::cargo(&alone))?;
    }
    run::check("tests", &mut run::cargo("test --workspace --locked"))?;
    if !a.no_train {
        // the tests' build of the program: a second, optimized build would take longer than the training
        let mut tests = run::cargo("test --workspace --locked --no-run --message-format json-render-diagnostics");
        let program = run::built("smoke", &mut tests)?;
        train_all::run(&train_all::Args::smoke(run::root().join("target/ci-train-all"), program))?;
    }
    run::log("all passed");
    Ok(())
}

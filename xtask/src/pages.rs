//! `cargo xtask bench` and `cargo xtask results`: the pages of docs/ whose numbers are measured.

use crate::run;
use anyhow::Result;
use std::{path::PathBuf, process::Command};

/// `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// A Python with torch and torchvision; for --onnx also onnx and onnxruntime.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// For benches/compare.py: --turns N, --rounds N, --threads N, --only NAME,.., --stock, --onnx, --rten, --bf16.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// `cargo xtask results`.
#[derive(Debug, clap::Args)]
pub(crate) struct Results {
    /// Run folders, or names in weights/ (a row each, without curves); then `--ablations RUN...`.
    #[arg(required = true, value_name = "RUN", trailing_var_arg = true, allow_hyphen_values = true)]
    runs: Vec<PathBuf>,
    /// The datasets' parent folder; stands before RUN.
    #[arg(long, env = "FACEKP_DATA", default_value = "datasets", value_name = "DIR")]
    data: PathBuf,
}

pub(crate) fn bench(a: &Bench) -> Result<()> {
    let (program, times) = (run::build(&[])?, run::root().join("benches/results.json"));
    let mut c = Command::new(&a.python);
    c.arg(run::root().join("benches/compare.py")).arg(&program).args(&a.rest);
    run::step("bench", c.arg("--out").arg(&times))?;
    let mut c = Command::new(program);
    c.args(["pages", "benchmarks"]).arg(times);
    run::check("page", c.arg("--out").arg(run::root().join("docs/benchmarks.md")))
}

pub(crate) fn results(a: &Results) -> Result<()> {
    let mut c = Command::new(run::build(&[])?);
    c.args(["--quiet", "pages", "results"]).args(&a.runs).arg("--data").arg(&a.data);
    run::check("page", c.arg("--out").arg(run::root().join("docs/results.md")))
}

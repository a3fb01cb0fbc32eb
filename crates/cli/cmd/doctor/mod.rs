//! `facekp doctor`: what this build, this machine and these folders have, what is missing, and whether `facekp predict`
//! would work.

mod datasets;
mod hints;
mod machine;
mod weights;

use crate::{
    cmd::predict,
    output::{one_line, say},
    processor::processor,
    shared_args::DataArg,
};
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp doctor --data datasets --json")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArg,
    /// As one JSON object on stdout.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// All that is found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    processor: String,
    simd: &'static str,
    threads: usize,
    features: Vec<&'static str>,
    devices: Vec<machine::Tried>,
    weights: Vec<weights::Entry>,
    data: String,
    datasets: Vec<datasets::Entry>,
    predict: Verdict,
    hints: Vec<String>,
}

/// Whether `facekp predict` would work where no weights are named.
#[derive(Debug, Serialize)]
struct Verdict {
    works: bool,
    /// The network that it would take.
    weights: Option<String>,
    /// Why it would not work.
    error: Option<String>,
}

/// A line of the table: what it is about, and what is so.
type Fact = (&'static str, String);

/// Columns of the names.
const WIDTH: usize = 11;

/// Prints what is found; it is an error that `facekp predict` would not work.
pub(crate) fn run(a: &Args) -> Result<()> {
    let loaded = predict::load_defaults();
    let report = Report::new(&a.data.dir, Verdict::of(&loaded));
    if a.json {
        say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        report.facts().iter().try_for_each(|(name, value)| say(&format!("{name:<WIDTH$}{value}")))?;
    }
    loaded.map(drop).context("predict would fail")
}

impl Verdict {
    fn of(loaded: &Result<PathBuf>) -> Self {
        let weights = loaded.as_ref().ok().map(|path| path.display().to_string());
        Self { works: loaded.is_ok(), weights, error: loaded.as_ref().err().map(one_line) }
    }

    fn words(&self) -> String {
        match (&self.error, &self.weights) {
            (Some(error), _) => format!("fails: {error}"),
            (None, Some(weights)) => format!("works, with {weights}"),
            (None, None) => "works".into(),
        }
    }
}

impl Report {
    fn new(dir: &Path, predict: Verdict) -> Self {
        let (data, weights, datasets) = (dir.display().to_string(), weights::all(), datasets::all(dir));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processor: processor(),
            simd: machine::simd(),
            threads: rayon::current_num_threads(),
            features: machine::features(),
            devices: machine::devices(),
            hints: hints::hints(&data, &datasets, &weights),
            weights,
            data,
            datasets,
            predict,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![
            ("version", self.version.to_owned()),
            ("processor", self.processor.clone()),
            ("simd", self.simd.to_owned()),
            ("threads", self.threads.to_string()),
        ];
        facts.extend(lines("features", &[self.features.join(" ")]));
        facts.extend(lines("device", &self.devices));
        facts.extend(lines("weights", &self.weights));
        facts.push(("data", self.data.clone()));
        facts.extend(lines("dataset", &self.datasets));
        facts.push(("predict", self.predict.words()));
        facts.extend(self.hints.iter().map(|hint| ("hint", hint.clone())));
        facts
    }
}

/// A line for each thing of a kind, or one that says that there is none.
fn lines(name: &'static str, things: &[impl ToString]) -> Vec<Fact> {
    let mut all: Vec<String> = things.iter().map(ToString::to_string).filter(|text| !text.is_empty()).collect();
    if all.is_empty() {
        all.push("none".into());
    }
    all.into_iter().map(|text| (name, text)).collect()
}

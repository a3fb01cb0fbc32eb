//! `cargo xtask train-all`: data, training, evaluation, report, one table, of what `facekp train --list` names.

use crate::{provide::Sources, run};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// `cargo xtask train-all`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// smoke: a minute or two. quick: every network on two cores in 15 minutes or less. full: the recorded results.
    #[arg(long, default_value = "quick", value_parser = ["smoke", "quick", "full"])]
    profile: String,
    /// The folder of the datasets; what is missing there is rendered.
    #[arg(long, env = "FACEKP_DATA", default_value = "datasets", value_name = "DIR")]
    data: PathBuf,
    /// Runs and report [default: runs/PROFILE].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Continue where a stopped train-all was.
    #[arg(long)]
    resume: bool,
    /// A folder of your own photos for the report.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// A built program instead of a release build.
    #[arg(long, value_name = "FILE", hide = true)]
    program: Option<PathBuf>,
}

impl Args {
    /// What CI runs: small, on the CPU, whatever data there is, with the program that the tests built.
    pub(crate) fn smoke(out: PathBuf, program: PathBuf) -> Self {
        let data = std::env::var_os("FACEKP_DATA").map_or_else(|| "datasets".into(), PathBuf::from);
        let (device, profile) = ("cpu".into(), "smoke".into());
        Self { profile, data, out: Some(out), device, resume: false, photos: None, program: Some(program) }
    }

    /// The cargo features that the device needs.
    fn features(&self) -> &'static [&'static str] {
        match self.device.split(':').next() {
            Some("cuda") => &["cudnn"], // without it the convolutions' gradients are candle's, which are slow
            Some("metal") => &["metal"],
            _ => &[],
        }
    }

    /// The recipe that a network of the chain is trained by, if it is.
    fn recipe<'a>(&self, network: &'a Value) -> Option<&'a str> {
        let full = self.profile == "full";
        let short = || network["profiles"].as_array().is_some_and(|all| all.iter().any(|p| *p == *self.profile));
        let key = if full && !self.features().is_empty() { "gpu" } else { "recipe" };
        network[key].as_str().filter(|_| full || short())
    }
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let started = Instant::now();
    let out = std::path::absolute(a.out.clone().unwrap_or_else(|| run::root().join("runs").join(&a.profile)))?;
    let data = std::path::absolute(&a.data)?;
    let program = a.program.clone().map_or_else(|| run::build(a.features()), Ok)?;
    let built = Instant::now();
    let chain = run::json("train", Command::new(&program).args(["train", "--list", "--json"]))?["chain"].take();
    let networks = chain["networks"].as_array().context("train --list names no networks")?;
    let found = run::json("datasets", Command::new(&program).args(["datasets", "find", "--json"]).arg(&data))?;
    let (rendered, folders, notices) = (out.join("rendered"), vec![data], Vec::new());
    let mut sources = Sources { program: &program, profile: &a.profile, found, rendered, folders, notices };
    let (mut rows, mut report) = (Vec::new(), Command::new(&program));
    report.arg("report");
    for network in networks {
        let Some(recipe) = a.recipe(network) else { continue };
        let (folder, rendered) = sources.get(&chain["stand_ins"], &network["data"])?;
        let (run_folder, clock) = (out.join(recipe), Instant::now());
        let earlier = networks.iter().find(|n| n["recipe"] == network["starts_from"]).and_then(|n| a.recipe(n));
        run::step(recipe, &mut train(&program, a, recipe, [&folder, &run_folder], earlier.map(|e| out.join(e))))?;
        let seconds = clock.elapsed().as_secs_f64();
        let mut eval = Command::new(&program);
        eval.args(["--quiet", "eval", "--json", "-", "--device", &a.device, "--data"]).arg(&folder).arg(&run_folder);
        let of = |split| run::json(recipe, eval.args(["--split", split]));
        rows.push(row(recipe, &network["split"].as_str().map(of).transpose()?.unwrap_or_default(), rendered, seconds));
        report.arg(&run_folder);
    }
    let mut notices = sources.notices;
    let shorter = format!("Profile {}: shorter training than the full recipes, so larger errors.", a.profile);
    notices.extend((a.profile != "full").then_some(shorter));
    report.args(sources.folders.iter().flat_map(|folder| [Path::new("--data"), folder]));
    report.args(notices.iter().flat_map(|notice| ["--notice", notice]));
    report.args(a.photos.iter().flat_map(|photos| [Path::new("--photos"), photos]));
    let page = out.join("report");
    report.args(["--device", &a.device, "--profile", &a.profile]).arg("--out").arg(&page);
    run::step("report", &mut report)?;
    print_table(rows);
    run::say(&format!("report: {}", page.join("index.html").display()));
    let [training, building] = [built.elapsed(), built - started].map(|time| time.as_secs_f64());
    run::log(&format!("profile {}: {training:.0} s after {building:.0} s of building", a.profile));
    Ok(())
}

fn train(program: &Path, a: &Args, recipe: &str, [data, out]: [&Path; 2], start: Option<PathBuf>) -> Command {
    let mut c = Command::new(program);
    c.args(["train", recipe, "--device", &a.device]).arg("--data").arg(data).arg("--out").arg(out);
    c.args(Some(&a.profile).filter(|p| *p != "full").iter().flat_map(|p| ["--profile", p]));
    // as TOML, whatever the path holds
    let start = start.map(|start| format!("train.init_from={}", Value::from(start.to_string_lossy())));
    c.args(start.iter().flat_map(|set| ["--set", set]));
    // A folder without a checkpoint has nothing to resume: the chain stopped before this network.
    let resumes = a.resume && out.join("optim.safetensors").is_file();
    c.args(if resumes { Some("--resume") } else { out.exists().then_some("--overwrite") });
    c
}

fn row(name: &str, s: &Value, rendered: bool, seconds: f64) -> [String; 8] {
    let split = format!("{}{}", s["split"].as_str().unwrap_or("–"), if rendered { " (rendered)" } else { "" });
    let [faces, points, mean, median, nme] =
        [("faces", 0), ("points", 0), ("mean_px", 2), ("median_px", 2), ("nme", 4)]
            .map(|(key, digits)| s[key].as_f64().map_or("–".into(), |v| format!("{v:.digits$}")));
    [name.into(), split, faces, points, mean, median, nme, format!("{seconds:.0}")]
}

fn print_table(mut rows: Vec<[String; 8]>) {
    let head = ["network", "split", "faces", "points", "mean px", "median px", "NME", "seconds"];
    rows.insert(0, head.map(str::to_owned));
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    for row in &rows {
        let cells = row.iter().enumerate().map(|(i, cell)| match width(i) {
            w if i < 2 => format!("{cell:<w$}"),
            w => format!("{cell:>w$}"),
        });
        run::say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

//! `cargo xtask train-all`: data, training, evaluation, report, one table.

use crate::{
    jobs::{JOBS, Job, Profile, features},
    provide::provide,
    run,
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// `cargo xtask train-all`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// smoke: a minute or two. quick: every network on two cores in 15 minutes or less. full: the recorded results.
    #[arg(long, value_enum, default_value_t = Profile::Quick)]
    pub profile: Profile,
    /// A folder that holds imm_face_db/ and ibug_300W/; what is missing is rendered.
    #[arg(long, env = "FACEKP_DATA", default_value = "datasets", value_name = "DIR")]
    data: PathBuf,
    /// Runs and report [default: runs/PROFILE].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value = "auto", value_parser = device)]
    pub device: String,
    /// Go on where a stopped train-all was.
    #[arg(long)]
    resume: bool,
    /// A folder of one's own photos for the report.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// A built program instead of a release build.
    #[arg(long, value_name = "FILE", hide = true)]
    program: Option<PathBuf>,
}

/// The form of a device's name; whether it is there, the program says.
fn device(name: &str) -> Result<String, String> {
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    let numbered = matches!(kind, "cuda" | "metal") && number.parse::<usize>().is_ok();
    let known = numbered || matches!(name, "auto" | "cpu");
    if known { Ok(name.to_owned()) } else { Err(format!("expected auto, cpu, cuda:N or metal, got {name:?}")) }
}

impl Args {
    /// What CI runs: small, on the CPU, whatever data there is, with the program that the tests built.
    pub fn smoke(out: PathBuf, program: PathBuf) -> Self {
        let data = std::env::var_os("FACEKP_DATA").map_or_else(|| "datasets".into(), PathBuf::from);
        let (device, profile) = ("cpu".into(), Profile::Smoke);
        Self { profile, data, out: Some(out), device, resume: false, photos: None, program: Some(program) }
    }
}

pub fn run(a: &Args) -> Result<()> {
    let started = Instant::now();
    let profile = format!("{:?}", a.profile).to_lowercase();
    let out = a.out.clone().unwrap_or_else(|| run::root().join("runs").join(&profile));
    let out = std::path::absolute(&out).context("out folder")?;
    let data = std::path::absolute(&a.data).context("data folder")?;
    let program = match &a.program {
        Some(program) => program.clone(),
        None => run::build(features(&a.device))?,
    };
    let built = Instant::now();
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let mut rows = Vec::new();
    let mut report = Command::new(&program);
    report.arg("report");
    let mut folders = vec![data.clone()];
    let mut notices = Vec::new();
    for job in JOBS {
        let Some(recipe) = job.recipe(a) else { continue };
        let (folder, rendered) = provide(&program, job.data, &data, &out, a.profile)?;
        if rendered {
            let notice = format!("{} was not found: rendered faces stand in for it.", job.data.describe());
            if !notices.contains(&notice) {
                run::log(&notice);
                notices.push(notice);
            }
            if !folders.contains(&folder) {
                folders.push(folder.clone());
            }
        }
        let run_folder = out.join(recipe);
        let clock = Instant::now();
        let earlier = JOBS.iter().find(|j| job.start == Some(j.recipe)).and_then(|j| j.recipe(a));
        let start = earlier.map(|name| out.join(name));
        run::step(recipe, &mut train(&program, job, recipe, a, &folder, &run_folder, start.as_deref()))?;
        let seconds = clock.elapsed().as_secs_f64();
        let mut eval = Command::new(&program);
        eval.args(["--quiet", "eval"])
            .arg(&run_folder)
            .args(["--split", job.split, "--json", "-", "--device", &a.device]);
        let text = run::output(recipe, eval.arg("--data").arg(&folder))?;
        let summary: Value = serde_json::from_str(&text).with_context(|| format!("{recipe}: eval printed no JSON"))?;
        rows.push(row(recipe, &summary, rendered, seconds));
        report.arg(&run_folder);
    }
    if a.profile != Profile::Full {
        notices.push(format!("Profile {profile}: shorter training than the full recipes, so larger errors."));
    }
    for folder in &folders {
        report.arg("--data").arg(folder);
    }
    for notice in &notices {
        report.arg("--notice").arg(notice);
    }
    if let Some(photos) = &a.photos {
        report.arg("--photos").arg(photos);
    }
    let page = out.join("report");
    report.args(["--device", &a.device, "--profile", &profile]).arg("--out").arg(&page);
    run::step("report", &mut report)?;
    print_table(&rows);
    run::say(&format!("report: {}", page.join("index.html").display()));
    run::log(&format!(
        "profile {profile}: {:.0} s after {:.0} s of building",
        built.elapsed().as_secs_f64(),
        (built - started).as_secs_f64()
    ));
    Ok(())
}

fn train(
    program: &Path,
    job: &Job,
    recipe: &str,
    a: &Args,
    data: &Path,
    run_folder: &Path,
    start: Option<&Path>,
) -> Command {
    let mut c = Command::new(program);
    c.args(["train", recipe, "--device", &a.device]).arg("--data").arg(data).arg("--out").arg(run_folder);
    if let Some(start) = start {
        // as TOML, whatever the path holds
        c.arg("--set").arg(format!("train.init_from={}", Value::from(start.to_string_lossy())));
    }
    for set in job.overrides(a).into_iter().flatten() {
        c.args(["--set", set]);
    }
    // A folder without a checkpoint has nothing to resume: the chain stopped before this network.
    if a.resume && run_folder.join("optim.safetensors").is_file() {
        c.arg("--resume");
    } else if run_folder.exists() {
        c.arg("--overwrite");
    }
    c
}

fn row(name: &str, s: &Value, rendered: bool, seconds: f64) -> [String; 8] {
    let number = |key: &str, digits: usize| s[key].as_f64().map_or("–".into(), |v| format!("{v:.digits$}"));
    [
        name.into(),
        format!("{}{}", s["split"].as_str().unwrap_or("?"), if rendered { " (rendered)" } else { "" }),
        number("faces", 0),
        number("points", 0),
        number("mean_px", 2),
        number("median_px", 2),
        number("nme", 4),
        format!("{seconds:.0}"),
    ]
}

fn print_table(rows: &[[String; 8]]) {
    let head = ["network", "split", "faces", "points", "mean px", "median px", "NME", "seconds"].map(str::to_owned);
    let all: Vec<&[String; 8]> = std::iter::once(&head).chain(rows).collect();
    let widths: Vec<usize> = (0..8).map(|c| all.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    for r in all {
        let cells: Vec<String> = r
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (c, &w))| if i < 2 { format!("{c:<w$}") } else { format!("{c:>w$}") })
            .collect();
        run::say(cells.join("  ").trim_end());
    }
}

//! `cargo xtask train-all`: data, training, evaluation, report, one table.

use crate::run;
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
    profile: Profile,
    /// A folder that holds imm_face_db/ and ibug_300W/; what is missing is rendered.
    #[arg(long, env = "FACEKP_DATA", default_value = "datasets", value_name = "DIR")]
    data: PathBuf,
    /// Runs and report [default: runs/PROFILE].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value = "auto")]
    device: String,
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

impl Args {
    /// What CI runs: small, on the CPU, whatever data there is, with the program that the tests built.
    pub fn smoke(out: PathBuf, program: PathBuf) -> Self {
        let data = std::env::var_os("FACEKP_DATA").map_or_else(|| "datasets".into(), PathBuf::from);
        let (device, profile) = ("cpu".into(), Profile::Smoke);
        Self { profile, data, out: Some(out), device, resume: false, photos: None, program: Some(program) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    Smoke,
    Quick,
    Full,
}

/// One network of the chain.
struct Job {
    recipe: &'static str,
    /// The recipe of the full profile on a GPU.
    gpu: &'static str,
    data: Need,
    /// The split of the final measure.
    split: &'static str,
    /// The earlier network that it starts from.
    start: Option<usize>,
    smoke: &'static [&'static str],
    quick: &'static [&'static str],
}

/// A dataset that jobs need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Imm,
    Ibug,
}

const JOBS: &[Job] = &[
    Job {
        recipe: "nose",
        gpu: "nose",
        data: Need::Imm,
        split: "val",
        start: None,
        smoke: &["train.epochs=2", "train.ema=0.0"],
        quick: &["train.epochs=100"],
    },
    Job {
        recipe: "face58",
        gpu: "face58",
        data: Need::Imm,
        split: "val",
        start: None,
        smoke: &["train.epochs=1", "train.ema=0.0"],
        quick: &["train.epochs=50"],
    },
    Job {
        recipe: "ibug68_heatmap_128",
        gpu: "ibug68_heatmap",
        data: Need::Ibug,
        split: "full",
        start: None,
        smoke: &[
            "train.epochs=1",
            "train.ema=0.0",
            "task.view.width=64",
            "task.view.height=64",
            "task.model.depth=18",
            "task.model.up=[32, 32, 32]",
        ],
        quick: &["train.epochs=5", "train.ema=0.95", "task.view.width=64", "task.view.height=64"],
    },
    // from random weights it would stay at the mean shape
    Job {
        recipe: "ibug68_resnet50_128",
        gpu: "ibug68_resnet50",
        data: Need::Ibug,
        split: "full",
        start: Some(2),
        smoke: &["train.epochs=1", "train.ema=0.0", "task.view.width=64", "task.view.height=64", "task.model.depth=18"],
        quick: &["train.epochs=4", "train.ema=0.95", "task.view.width=64", "task.view.height=64"],
    },
];

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
        let recipe = job.recipe(a);
        let run_folder = out.join(recipe);
        let clock = Instant::now();
        let start = job.start.map(|i| out.join(JOBS[i].recipe(a)));
        run::step(recipe, &mut train(&program, job, a, &folder, &run_folder, start.as_deref()))?;
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

impl Job {
    fn recipe(&self, a: &Args) -> &'static str {
        let large = a.profile == Profile::Full && !features(&a.device).is_empty();
        if large { self.gpu } else { self.recipe }
    }
}

fn train(program: &Path, job: &Job, a: &Args, data: &Path, run_folder: &Path, start: Option<&Path>) -> Command {
    let mut c = Command::new(program);
    c.args(["train", job.recipe(a), "--device", &a.device]).arg("--data").arg(data).arg("--out").arg(run_folder);
    if let Some(start) = start {
        // as TOML, whatever the path holds
        c.arg("--set").arg(format!("train.init_from={}", Value::from(start.to_string_lossy())));
    }
    let overrides = match a.profile {
        Profile::Smoke => job.smoke,
        Profile::Quick => job.quick,
        Profile::Full => &[],
    };
    for set in overrides {
        c.args(["--set", set]);
    }
    // A folder without a checkpoint has nothing to resume: the chain stopped before this network.
    if a.resume && run_folder.join("last.safetensors").is_file() {
        c.arg("--resume");
    } else if run_folder.exists() {
        c.arg("--overwrite");
    }
    c
}

impl Need {
    fn describe(self) -> &'static str {
        match self {
            Self::Imm => "The IMM face database",
            Self::Ibug => "iBUG 300-W",
        }
    }

    /// Whether the dataset is in `data` or below it, by what the folders hold, as the readers see it.
    fn find(self, data: &Path) -> bool {
        let children = std::fs::read_dir(data).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
        let named = children.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(self.folder())));
        std::iter::once(data.to_path_buf()).chain(named).any(|d| match self {
            Self::Imm => holds(&d, "", ".asf"),
            Self::Ibug => holds(&d, "labels_ibug_300W", ".xml"),
        })
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Imm => "imm58",
            Self::Ibug => "ibug68",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Imm => "imm_face_db",
            Self::Ibug => "ibug_300W",
        }
    }
}

fn holds(dir: &Path, start: &str, end: &str) -> bool {
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end);
    std::fs::read_dir(dir).is_ok_and(|mut l| l.any(|e| e.is_ok_and(|e| fits(&e.file_name().to_string_lossy()))))
}

/// The folder of a dataset, rendered below `out` when it is not in `data`; and whether it was.
fn provide(program: &Path, need: Need, data: &Path, out: &Path, profile: Profile) -> Result<(PathBuf, bool)> {
    if need.find(data) {
        return Ok((data.to_path_buf(), false));
    }
    let rendered = out.join("rendered");
    let folder = rendered.join(need.folder());
    if !folder.is_dir() {
        let count = match (profile, need) {
            (Profile::Smoke, _) => "60",
            (_, Need::Imm) => "240",
            (Profile::Quick, Need::Ibug) => "1200",
            (Profile::Full, Need::Ibug) => "2700",
        };
        let mut c = Command::new(program);
        c.args(["datasets", "synth", "--scheme", need.scheme(), "--count", count, "--out"]).arg(&folder);
        run::step("rendered faces", &mut c)?;
    }
    Ok((rendered, true))
}

fn features(device: &str) -> &'static [&'static str] {
    match device.split(':').next() {
        Some("cuda") => &["cuda"],
        Some("metal") => &["metal"],
        _ => &[],
    }
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

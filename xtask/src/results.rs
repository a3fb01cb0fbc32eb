//! `cargo xtask results`: docs/results.md, its numbers and curves, from run folders and shipped weights.

use crate::run;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The curves that go beside the page; none shows a dataset's picture.
const CURVES: [(&str, &str); 2] = [("loss", "loss of training and validation"), ("ced", "cumulative errors")];

/// The ways to read points from maps that are compared.
const DECODINGS: [&str; 4] = ["argmax", "quarter", "dark", "soft_argmax"];

/// `cargo xtask results`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run folders, or names in weights/ (a row each, without curves).
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The datasets' parent folder.
    #[arg(long, env = "FACEKP_DATA", default_value = "datasets", value_name = "DIR")]
    data: PathBuf,
}

/// What is measured: a run folder, or the name of shipped weights, whose run need not be at hand.
enum Subject {
    Run { folder: PathBuf, recipe: String },
    Shipped { name: String },
}

impl Subject {
    fn of(argument: &Path) -> Result<Self> {
        let name = argument.to_string_lossy().into_owned();
        if run::root().join("weights").join(format!("{name}.safetensors")).is_file() {
            return Ok(Self::Shipped { name });
        }
        let folder = std::path::absolute(argument)?;
        let recipe = fs::read_to_string(folder.join("recipe.toml"))
            .with_context(|| format!("{}: expected a run folder or a name in weights/", argument.display()))?;
        Ok(Self::Run { folder, recipe })
    }

    fn name(&self) -> &str {
        match self {
            Self::Run { recipe, .. } => value(recipe, "name").unwrap_or("?"),
            Self::Shipped { name } => name,
        }
    }

    /// What `facekp eval` is given.
    fn weights(&self) -> PathBuf {
        match self {
            Self::Run { folder, .. } => folder.join("last.safetensors"),
            Self::Shipped { name } => name.into(),
        }
    }

    fn of_68_points(&self) -> bool {
        match self {
            Self::Run { recipe, .. } => recipe.contains("scheme = \"ibug68\""),
            Self::Shipped { name } => name.starts_with("ibug68"),
        }
    }
}

pub fn run(a: &Args) -> Result<()> {
    let subjects = a.runs.iter().map(|r| Subject::of(r)).collect::<Result<Vec<_>>>()?;
    for (i, subject) in subjects.iter().enumerate() {
        // the page names its curves by the network
        if subjects[..i].iter().any(|s| s.name() == subject.name()) {
            bail!("{}: expected each network once, got it twice", subject.name());
        }
    }
    let program = run::build(&[])?;
    let folder = run::root().join("docs/results");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let page = run::root().join("target/results-page");
    let folders: Vec<&PathBuf> =
        subjects.iter().filter_map(|s| if let Subject::Run { folder, .. } = s { Some(folder) } else { None }).collect();
    if !folders.is_empty() {
        let mut report = Command::new(&program);
        report.arg("report").args(folders).arg("--data").arg(&a.data).arg("--out").arg(&page);
        run::step("report", &mut report)?;
    }
    let mut text = String::from(
        "# Results\n\nWritten by `cargo xtask results RUN...` from run folders and shipped weights; do not edit. Every number was measured by \
         `facekp eval` on the weights after the last epoch; errors in pixels are those of the original pictures, NME is divided by the distance \
         of the outer eye corners, iBUG's boxes are the tight boxes of the annotated points × 1.25.\n\n\
         | network | split | faces | mean px | median px | NME | NME pupil | AUC 0.08 | failures 0.08 |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut curves = String::new();
    let mut ablation = String::new();
    for subject in &subjects {
        let name = subject.name();
        let splits = if subject.of_68_points() { "val,common,challenging,full" } else { "val" };
        for s in measure(&program, subject, &a.data, splits, &[])? {
            let n = |key: &str, digits: usize| number(&s, key, digits);
            let split = s["split"].as_str().unwrap_or("?");
            writeln!(
                text,
                "| {name} | {split} | {} | {} | {} | {} | {} | {} | {} |",
                n("faces", 0),
                n("mean_px", 2),
                n("median_px", 2),
                n("nme", 4),
                n("nme_pupil", 4),
                n("auc_08", 4),
                n("fr_08", 4)
            )?;
        }
        let Subject::Run { folder: run_folder, recipe } = subject else { continue };
        ablation += &ways_to_read(&program, subject, &a.data, recipe)?;
        write!(curves, "\n## {name}\n\n{}\n\n", history(run_folder, recipe)?)?;
        for (curve, words) in CURVES {
            let from = page.join("figures").join(format!("{name}-{curve}.svg"));
            let file = format!("{name}-{curve}.svg");
            if from.is_file() {
                fs::copy(&from, folder.join(&file)).with_context(|| from.display().to_string())?;
                writeln!(curves, "![{name}: {words}](results/{file})\n")?;
            }
        }
    }
    if !ablation.is_empty() {
        text += "\n## What prediction's parts give\n\nOn the validation faces (`facekp eval RUN --split val`, with `--decode` and `--no-flip`):\n\n\
                 | network | points read by | averaged with the mirrored picture | mean px | NME |\n|---|---|---|---|---|\n";
        text += &ablation;
    }
    let page = run::root().join("docs/results.md");
    fs::write(&page, run::wrapped(&(text + &curves))).with_context(|| page.display().to_string())?;
    run::say(&page.display().to_string());
    Ok(())
}

/// Rows of the table of decodings and of averaging, for networks of 68 points that are shipped.
fn ways_to_read(program: &Path, subject: &Subject, data: &Path, recipe: &str) -> Result<String> {
    let shipped = run::root().join("weights").join(format!("{}.safetensors", subject.name()));
    if !subject.of_68_points() || !shipped.is_file() {
        return Ok(String::new());
    }
    let (name, own) = (subject.name(), value(recipe, "decode").unwrap_or_default());
    let mut ways = vec![(own, true), (own, false)];
    if !own.is_empty() {
        ways.extend(DECODINGS.iter().filter(|d| **d != own).map(|d| (*d, true)));
    }
    let mut rows = String::new();
    for (decode, flip) in ways {
        let mut more = if decode.is_empty() { Vec::new() } else { vec!["--decode", decode] };
        more.extend((!flip).then_some("--no-flip"));
        for s in measure(program, subject, data, "val", &more)? {
            let (decode, flip) =
                (if decode.is_empty() { "regression" } else { decode }, if flip { "yes" } else { "no" });
            let (px, nme) = (number(&s, "mean_px", 2), number(&s, "nme", 4));
            writeln!(rows, "| {name} | {decode} | {flip} | {px} | {nme} |")?;
        }
    }
    Ok(rows)
}

fn number(summary: &Value, key: &str, digits: usize) -> String {
    summary[key].as_f64().map_or("–".into(), |v| format!("{v:.digits$}"))
}

fn measure(program: &Path, subject: &Subject, data: &Path, splits: &str, more: &[&str]) -> Result<Vec<Value>> {
    let mut eval = Command::new(program);
    eval.args(["--quiet", "eval", "--json", "-", "--split", splits]).args(more).arg("--data").arg(data);
    let text = run::output("eval", eval.arg(subject.weights()))?;
    Ok(match serde_json::from_str(&text).context("eval printed no JSON")? {
        Value::Array(all) => all,
        one => vec![one],
    })
}

/// The run in a sentence, from its history.
fn history(run_folder: &Path, recipe: &str) -> Result<String> {
    let file = run_folder.join("history.csv");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let seconds: f64 = text.lines().skip(1).filter_map(|l| l.rsplit(',').next()?.parse::<f64>().ok()).sum();
    let v = |key: &str| value(recipe, key).unwrap_or("?").to_owned();
    let size = format!("{}×{}", v("width"), v("height"));
    let start = value(recipe, "init_from").filter(|f| !f.is_empty()).map_or("random weights".to_owned(), |f| {
        format!("the weights of {}", Path::new(f).file_name().unwrap_or_default().to_string_lossy())
    });
    let epochs = text.lines().count().saturating_sub(1);
    Ok(format!("{epochs} epochs of batches of {} at {size}, from {start}; {:.0} minutes.", v("batch"), seconds / 60.0))
}

/// The first value of a key in a resolved recipe.
fn value<'a>(recipe: &'a str, key: &str) -> Option<&'a str> {
    let line = recipe.lines().find_map(|l| l.strip_prefix(key)?.trim_start().strip_prefix('='))?;
    Some(line.trim().trim_matches('"'))
}

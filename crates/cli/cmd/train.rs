//! `facekp train`: a recipe into a run folder.

use crate::{
    cmd::datasets::missing,
    interrupt::Interrupt,
    launch::Job,
    output::{Usage, say},
    parse::parse_change,
    progress::Progress,
    shared_args::{DataArg, DeviceArg},
    terminal,
};
use anyhow::Result;
use facekp_data::datasets::fold::Fold;
use facekp_eval::{
    Summary,
    stats::{deviation, mean},
};
use facekp_train::{
    Compute, Data, Mode, Observer, Recipe, Request, fit, observe,
    ranks::Team,
    recipe::{About, Chain},
};
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp train nose --data datasets --out runs/nose --set train.epochs=50")]
pub(crate) struct Args {
    /// A built-in recipe (`--list` prints them) or a TOML file.
    #[arg(required_unless_present = "list")]
    recipe: Option<String>,
    /// Print the built-in recipes and train nothing.
    #[arg(long, conflicts_with = "recipe")]
    list: bool,
    /// With --list, print all keys of the recipes, and what `cargo xtask train-all` trains, as JSON.
    #[arg(long, requires = "list", help_heading = "Output")]
    json: bool,
    /// Train by a shorter profile of the recipe, such as quick: its table [profile.P].
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    #[command(flatten)]
    data: DataArg,
    /// The run folder [default: runs/RECIPE].
    #[arg(long, value_name = "RUN", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
    /// Replace a run that is in the folder already: removes the files that a run writes, and refuses where anything
    /// else is there.
    #[arg(long, conflicts_with = "resume", help_heading = "Output")]
    overwrite: bool,
    /// Continue from the last checkpoint, with the same result as an uninterrupted run. The run's own recipe counts:
    /// what was set when it was started need not be repeated.
    #[arg(long, help_heading = "Output")]
    resume: bool,
    /// Train for N epochs in all (train.epochs); with --resume longer than the run was started for. Constant and step
    /// schedules continue; cosine and one-cycle are stretched over all N, so that the learning rate jumps at the seam.
    #[arg(long, value_name = "N")]
    epochs: Option<NonZeroUsize>,
    /// Validate on the K-th of N equal parts of the training faces instead of the recipe's, or, one after the other, on
    /// all of them: a run each, runs/RECIPE-foldKofN, and a table with mean and spread at the end.
    #[arg(long, value_name = "K/N|all/N", value_parser = parse_folds, help_heading = "Data")]
    fold: Option<Folds>,
    /// Override a key of the recipe, in TOML syntax.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_change)]
    set: Vec<String>,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let Some(recipe) = &a.recipe else { return list(a.json) };
    let job = Job::begin()?;
    let ended = Interrupt::listen().and_then(|()| train(a, recipe, &job.team));
    job.end(ended)
}

fn train(a: &Args, recipe: &str, team: &Team) -> Result<()> {
    let mode = match (a.resume, a.overwrite) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Overwrite,
        _ => Mode::New,
    };
    let Some(Folds(folds)) = &a.fold else { return one(a, recipe, &a.set, mode, team).map(drop) };
    if folds.len() > 1 && a.out.is_some() {
        return Err(Usage("--out: expected one fold, got several: each has a run folder of its own".into()).into());
    }
    let name = Recipe::load_profile(recipe, a.profile.as_deref(), &a.set)?.name;
    let mut measured = Vec::new();
    for fold in folds {
        let name = format!("{name}-{}", fold.slug());
        let own = [format!("data.fold=\"{fold}\""), format!("name={name:?}")];
        // several that were stopped go on in the one that was at work, and with those after it
        let is_begun = Path::new("runs").join(&name).join("recipe.toml").is_file();
        let mode = if folds.len() > 1 && mode == Mode::Resume && !is_begun { Mode::New } else { mode };
        measured.push((*fold, one(a, recipe, &[&a.set, &own[..]].concat(), mode, team)?));
    }
    if measured.len() > 1 && team.leads() { say(&table(&measured)) } else { Ok(()) }
}

/// Trains once; the errors on the validation faces, where the output has points.
fn one(a: &Args, recipe: &str, set: &[String], mode: Mode, team: &Team) -> Result<Option<Summary>> {
    let (profile, epochs, run) = (a.profile.as_deref(), a.epochs.map(NonZeroUsize::get), a.out.as_deref());
    let request = Request { recipe, profile, set, epochs, run, mode, data: Some(&a.data.dir) };
    let (recipe, begin) = request.resolve_in(team)?;
    let device = a.device.open_in(team)?;
    let compute = Compute { device: &device, team: team.clone() };
    let data = Data::open(&recipe, &a.data.dir).map_err(|e| missing::with_help(e, &a.data.dir))?;
    if !team.leads() {
        return Ok(fit(&recipe, &data, compute, &begin, &mut [&mut Interrupt])?.validation);
    }
    let mut watch: Box<dyn Observer> =
        if terminal::has_cursor() { Box::new(Progress::default()) } else { Box::new(observe::Log::default()) };
    let outcome = fit(&recipe, &data, compute, &begin, &mut [watch.as_mut(), &mut Interrupt])?;
    let errors = outcome.validation.as_ref().map_or("the output has no points to measure".to_owned(), |v| {
        let nme = v.nme.map(|n| format!(", NME {n:.4}")).unwrap_or_default();
        format!("validation mean {:.2} px, median {:.2} px{nme} on {} faces", v.mean_px, v.median_px, v.faces)
    });
    let (epochs, best) = (outcome.epochs, outcome.best_epoch);
    say(&format!("{}: {epochs} epochs, best {best}: {errors}; {}", recipe.name, outcome.run.display()))?;
    Ok(outcome.validation)
}

/// The folds that are trained, one after the other.
#[derive(Clone, Debug)]
struct Folds(Vec<Fold>);

fn parse_folds(s: &str) -> Result<Folds, String> {
    match s.strip_prefix("all/").map(str::parse) {
        Some(Ok(of)) => Fold::all(of).map(Folds),
        Some(Err(_)) => Err(format!("expected all/N, such as all/5, got {s:?}")),
        None => s.parse().map(|fold| Folds(vec![fold])),
    }
}

/// The errors of each fold, their mean and spread: the standard deviation between folds.
fn table(folds: &[(Fold, Option<Summary>)]) -> String {
    let row = |name: &str, faces: &str, px: Option<f64>, nme: Option<f64>| {
        let number = |v: Option<f64>, digits| v.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
        format!("{name:<8}{faces:>8}{:>10}{:>9}", number(px, 3), number(nme, 4))
    };
    let of = |s: &Option<Summary>| (s.as_ref().map(|s| s.mean_px), s.as_ref().and_then(|s| s.nme));
    let mut lines = vec![format!("{:<8}{:>8}{:>10}{:>9}", "fold", "faces", "mean px", "NME")];
    for (fold, summary) in folds {
        let (px, nme) = of(summary);
        lines.push(row(&fold.to_string(), &summary.as_ref().map_or(0, |s| s.faces).to_string(), px, nme));
    }
    let (px, nme): (Vec<_>, Vec<_>) = folds.iter().map(|(_, summary)| of(summary)).unzip();
    let all = |values: Vec<Option<f64>>| values.into_iter().collect::<Option<Vec<f64>>>().unwrap_or_default();
    let (px, nme) = (all(px), all(nme));
    lines.push(row("mean", "", mean(px.iter().copied()), mean(nme.iter().copied())));
    lines.push(row("spread", "", deviation(&px), deviation(&nme)));
    lines.join("\n")
}

/// The built-in recipes, for readers or for other programs.
fn list(json: bool) -> Result<()> {
    let recipes = About::all()?;
    if json {
        let all = serde_json::json!({ "recipes": recipes, "chain": Chain::load()? });
        return say(&serde_json::to_string_pretty(&all)?);
    }
    for about in recipes {
        let profiles = about.profiles.iter().map(|p| format!(" [{p}]")).collect::<String>();
        say(&format!("{:<26}{}{profiles}", about.recipe.name, about.purpose))?;
    }
    Ok(())
}

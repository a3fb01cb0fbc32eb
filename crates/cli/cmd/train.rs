//! `facekp train`: a recipe into a run folder.

use crate::{
    output::say,
    parse::parse_change,
    progress::Progress,
    shared_args::{DataArg, DeviceArg},
    terminal,
};
use anyhow::Result;
use facekp_train::{
    Data, Mode, Observer, Request, fit, observe,
    recipe::{About, Chain},
};
use std::{num::NonZeroUsize, path::PathBuf};

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
    /// Override a key of the recipe, in TOML syntax.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_change)]
    set: Vec<String>,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let Some(recipe) = &a.recipe else { return list(a.json) };
    let mode = match (a.resume, a.overwrite) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Overwrite,
        _ => Mode::New,
    };
    let (profile, set, epochs, run) = (a.profile.as_deref(), &a.set, a.epochs.map(NonZeroUsize::get), a.out.as_deref());
    let request = Request { recipe, profile, set, epochs, run, mode, data: Some(&a.data.dir) };
    let (recipe, begin) = request.resolve()?;
    let device = a.device.open()?;
    let data = Data::open(&recipe, &a.data.dir)?;
    let mut watch: Box<dyn Observer> =
        if terminal::has_cursor() { Box::new(Progress::default()) } else { Box::new(observe::Log::default()) };
    let outcome = fit(&recipe, &data, &device, &begin, &mut [watch.as_mut()])?;
    let errors = outcome.validation.map_or("the output has no points to measure".to_owned(), |v| {
        let nme = v.nme.map(|n| format!(", NME {n:.4}")).unwrap_or_default();
        format!("validation mean {:.2} px, median {:.2} px{nme} on {} faces", v.mean_px, v.median_px, v.faces)
    });
    let (epochs, best) = (outcome.epochs, outcome.best_epoch);
    say(&format!("{}: {epochs} epochs, best {best}: {errors}; {}", recipe.name, outcome.run.display()))
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

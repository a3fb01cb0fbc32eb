//! `facekp train`: a recipe into a run folder.

use crate::{
    output::say,
    parse::parse_change,
    shared_args::{DataArg, DeviceArg},
    terminal,
};
use anyhow::{Context, Result, bail};
use facekp_train::{Observer, Recipe, fit, observe};
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "Example: facekp train nose --data datasets --out runs/nose --set train.epochs=50\n\
    Recipes: {}, or a TOML file.",
    Recipe::built_in().join(", ")
))]
pub struct Args {
    /// A built-in recipe or a TOML file.
    recipe: String,
    #[command(flatten)]
    data: DataArg,
    /// The run folder [default: runs/RECIPE].
    #[arg(long, value_name = "RUN", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
    /// Replace a run that is in the folder already.
    #[arg(long, conflicts_with = "resume", help_heading = "Output")]
    overwrite: bool,
    /// Continue from the last checkpoint, with the same result as an uninterrupted run.
    #[arg(long, help_heading = "Output")]
    resume: bool,
    /// Override a key of the recipe, in TOML syntax.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_change)]
    set: Vec<String>,
}

pub fn run(a: &Args) -> Result<()> {
    let recipe = Recipe::load(&a.recipe, &a.set)?;
    let device = a.device.open()?;
    let data = fit::open_data(&recipe, &a.data.dir)?;
    let run = a.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&recipe.name));
    if a.overwrite {
        clear(&run)?;
    }
    let mut watch: Box<dyn Observer> =
        if terminal::has_cursor() { Box::new(observe::Progress::default()) } else { Box::new(observe::Log::default()) };
    let mut observers: Vec<&mut dyn Observer> = vec![watch.as_mut()];
    let outcome = facekp_train::fit(&recipe, &data, &run, &device, a.resume, &mut observers)?;
    let errors = outcome.validation.map_or("the output has no points to measure".to_owned(), |v| {
        let nme = v.nme.map(|n| format!(", NME {n:.4}")).unwrap_or_default();
        format!("validation mean {:.2} px, median {:.2} px{nme} on {} faces", v.mean_px, v.median_px, v.faces)
    });
    let (epochs, best) = (outcome.epochs, outcome.best_epoch);
    say(&format!("{}: {epochs} epochs, best {best}: {errors}; {}", recipe.name, outcome.run.display()))
}

/// Takes away a run that is to be replaced; only what looks like a run.
fn clear(run: &Path) -> Result<()> {
    if !run.exists() {
        return Ok(());
    }
    if !run.join("recipe.toml").is_file() && std::fs::read_dir(run).is_ok_and(|mut l| l.next().is_some()) {
        bail!("{}: expected a run folder to overwrite, found no recipe.toml in it", run.display());
    }
    std::fs::remove_dir_all(run).with_context(|| run.display().to_string())
}

//! `facekp train`: a recipe into a run folder.

use crate::{args::Train, cmd::say, terminal};
use anyhow::{Context, Result, bail};
use facekp_train::{Observer, Recipe, fit, observe};
use std::path::{Path, PathBuf};

pub fn run(a: &Train) -> Result<()> {
    let recipe = Recipe::load(&a.recipe, &a.set)?;
    let device = a.device.open()?;
    let data = fit::open_data(&recipe, &a.data)?;
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

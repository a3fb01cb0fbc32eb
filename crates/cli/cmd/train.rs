//! `facekp train`: a recipe into a run folder.

use crate::{args::Train, cmd::say};
use anyhow::Result;
use facekp_train::{Mode, Observer, Request, fit, observe};
use std::num::NonZeroUsize;

pub fn run(a: &Train) -> Result<()> {
    let mode = match (a.resume, a.overwrite) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Overwrite,
        _ => Mode::New,
    };
    let (set, epochs, run) = (&a.set, a.epochs.map(NonZeroUsize::get), a.out.as_deref());
    let (recipe, run, begin) = Request { recipe: &a.recipe, set, epochs, run, mode, data: Some(&a.data) }.resolve()?;
    let device = a.device.open()?;
    let data = fit::open_data(&recipe, &a.data)?;
    let mut watch = observe::for_terminal();
    let mut observers: Vec<&mut dyn Observer> = vec![watch.as_mut()];
    let outcome = facekp_train::fit(&recipe, &data, &run, &device, &begin, &mut observers)?;
    let errors = outcome.validation.map_or("the output has no points to measure".to_owned(), |v| {
        let nme = v.nme.map(|n| format!(", NME {n:.4}")).unwrap_or_default();
        format!("validation mean {:.2} px, median {:.2} px{nme} on {} faces", v.mean_px, v.median_px, v.faces)
    });
    let (epochs, best) = (outcome.epochs, outcome.best_epoch);
    say(&format!("{}: {epochs} epochs, best {best}: {errors}; {}", recipe.name, outcome.run.display()))
}

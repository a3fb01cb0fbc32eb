//! What a network is measured on.

use crate::cmd::datasets::missing::with_help;
use anyhow::Result;
use facekp_data::{
    Dataset,
    datasets::{find, open::has_dataset},
    open_dataset,
};
use facekp_eval::Flip;
use facekp_models::Manifest;
use facekp_train::Recipe;
use std::{path::Path, sync::Arc};

/// What a network is measured on, and how.
pub(crate) struct Setting {
    /// The dataset that it was validated on.
    pub data: Arc<dyn Dataset>,
    /// Whether its recipe averages with the mirrored picture.
    pub flip: Flip,
}

/// A network's recipe, and whether it averages with the mirrored picture.
pub(crate) fn recipe(manifest: &Manifest) -> Result<(Recipe, Flip)> {
    let recipe = Recipe::parse(&format!("recipe of {}", manifest.name), &manifest.recipe, &[])?;
    let flip = Flip::from(recipe.train.flip_test);
    Ok((recipe, flip))
}

/// The setting that a network's recipe names, with the data below `dir`; or with `dir` itself, where that is another
/// dataset of its points.
pub(crate) fn setting(manifest: &Manifest, dir: &Path) -> Result<Setting> {
    let (recipe, flip) = recipe(manifest)?;
    let path = &recipe.data.val.path;
    // a folder of one's own is meant where it is no dataset of the recipe's name, but one itself
    let is_own = || find(dir).unwrap_or_default().iter().any(|found| found.path == dir);
    let named = recipe.data.open_val(dir, &recipe.task.scheme);
    if named.is_ok() || has_dataset(dir, path)? || !is_own() {
        return Ok(Setting { data: named.map_err(|e| with_help(e, dir))?, flip });
    }
    let data = open_dataset(dir, None, &recipe.task.scheme)?;
    tracing::warn!("{}: has no {path}: measured on the {}", dir.display(), data.describe());
    Ok(Setting { data: Arc::from(data), flip })
}

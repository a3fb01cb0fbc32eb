//! How a network's weights start: the mean shape in the last bias, and weights of another run.

use crate::{
    data::{Data, Faces},
    error::{Error, Result},
    recipe::Recipe,
};
use candle_vision_helpers::Point;
use facekp_data::{Dataset, ViewSpec};
use facekp_models::{
    CodecConfig, Params,
    weights::{init_from, read_tensors},
};
use rayon::prelude::*;
use std::path::PathBuf;

/// Samples that the mean shape is taken of, at most: pictures must be decoded for it.
const MOST: usize = 512;

/// Sets the last bias to the training set's mean shape in view pixels, where the network regresses points.
///
/// # Errors
/// When a sample cannot be read.
pub(crate) fn mean_shape(recipe: &Recipe, data: &Data, params: &Params) -> Result<()> {
    if recipe.task.codec != CodecConfig::Regression {
        return Ok(());
    }
    let Some(Faces { dataset, indices, .. }) = data.train.first() else { return Ok(()) };
    let mean = mean_of(dataset.as_ref(), indices, &recipe.task.view)?;
    Ok(recipe.task.set_mean_shape(params, &mean)?)
}

/// The mean of the visible points of evenly spread samples, in view pixels, without augmentation.
fn mean_of(dataset: &dyn Dataset, indices: &[usize], view: &ViewSpec) -> Result<Vec<Point>> {
    let every = indices.len().div_ceil(MOST).max(1);
    let chosen: Vec<usize> = indices.iter().copied().step_by(every).collect();
    let shapes = chosen.par_iter().map(|&i| {
        let sample = dataset.get(i)?;
        let map = view.to_view(sample.original, sample.face)?;
        Ok(sample.points.transformed(&map))
    });
    // summed in order, so that the number of threads changes nothing
    let shapes = shapes.collect::<facekp_data::Result<Vec<_>>>()?;
    let seen = |k: usize| shapes.iter().filter(move |s| s.visible()[k]).map(move |s| s.points()[k]);
    let center = view.size().area().center();
    Ok((0..dataset.scheme().len()).map(|k| Point::mean(seen(k)).unwrap_or(center)).collect())
}

/// Takes what matches by name and shape from the weights that the recipe starts from.
///
/// # Errors
/// When there is no such file, or nothing in it matches.
pub(crate) fn weights(recipe: &Recipe, params: &Params) -> Result<()> {
    let Some(from) = recipe.train.init_from.as_ref().filter(|f| !f.is_empty()) else { return Ok(()) };
    let path = find(from)?;
    let report = init_from(params, &read_tensors(&path)?)?;
    let kept = params.all().len() - report.missing.len() - report.misshaped.len();
    if kept == 0 {
        let reason = "expected weights for this network, got none that fits by name and shape".to_owned();
        return Err(Error::Run { path, reason });
    }
    tracing::info!("{}: starts from {}: {kept} of {} tensors fit", recipe.name, path.display(), params.all().len());
    if !report.is_clean() {
        tracing::info!("{}: {report}", recipe.name);
    }
    Ok(())
}

/// [`facekp_models::locate`], in the recipe's words.
fn find(from: &str) -> Result<PathBuf> {
    facekp_models::locate(from).map_err(|e| {
        let hint = if Recipe::built_in().contains(&from) {
            format!(" (`facekp train {from}` makes it; `--set train.init_from=` starts from random weights)")
        } else {
            String::new()
        };
        Error::NoStart { reason: e, hint }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn missing_weights_are_the_recipes_fault_and_their_recipe_is_named() {
        let recipe = find("ibug68_heatmap_64").unwrap_err().to_string();
        assert!(recipe.starts_with("train.init_from: ibug68_heatmap_64: expected a weights file"), "{recipe}");
        assert!(recipe.contains("`facekp train ibug68_heatmap_64` makes it"), "{recipe}");
        // shipped, wherever the program is run
        assert!(find("nose").unwrap().ends_with("weights/nose.safetensors"));
    }
}

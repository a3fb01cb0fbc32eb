//! The same network in the boxes of the face finder: what a photo's user gets.

use super::by_split;
use anyhow::{Result, bail};
use facekp_data::{Dataset, Split};
use facekp_eval::{Finder, Flip, FoundPredictions, Predictor, Summary, metrics};
use facekp_models::{FINDER, locate};
use std::sync::Arc;

/// Each split's errors with annotated boxes, followed by those with found ones.
pub(crate) fn beside(
    annotated: Vec<Summary>,
    predictor: &Predictor,
    flip: Flip,
    data: &Arc<dyn Dataset>,
    splits: &[Split],
) -> Result<Vec<Summary>> {
    let finder = Finder::load(&locate(FINDER)?, predictor.device())?;
    let found = by_split(data.as_ref(), splits, |all| {
        let FoundPredictions { found, missed } = predictor.predict_found(&finder, data.as_ref(), all, flip)?;
        for face in missed {
            tracing::info!("{}: not found", face.id);
        }
        Ok(found)
    })?;
    let mut both = Vec::with_capacity(2 * annotated.len());
    for (summary, (split, predictions)) in annotated.into_iter().zip(found) {
        let missed = summary.faces - predictions.len();
        if predictions.is_empty() {
            bail!("--boxes found: split {}: expected a face that is found, got none of {missed}", split.name());
        }
        both.push(summary);
        both.push(Summary::of(&metrics::measure_all(&predictions)?, split.name())?.with_missed(missed));
    }
    Ok(both)
}

//! Predictions of annotated faces in the boxes of the face finder, as a photo's are made.

use super::{Flip, Prediction, Predictor, place::Place};
use crate::error::Result;
use crate::finder::{FindConfig, Finder, showing};
use facekp_data::{Dataset, Sample};
use rayon::prelude::*;
use std::sync::Arc;

/// What became of annotated faces that had to be found first.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct FoundPredictions {
    /// The faces that were found.
    pub found: Vec<Prediction>,
    /// Index and name of the others.
    pub missed: Vec<MissedFace>,
}

/// An annotated face that the finder does not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedFace {
    /// Index in the dataset.
    pub index: usize,
    /// Name of the sample.
    pub id: String,
}

impl Predictor {
    /// Predicts samples `indices` of a dataset, in order, each in the found face that shows its annotated points;
    /// the annotation serves for nothing else.
    ///
    /// # Errors
    /// When the dataset has another scheme, a picture cannot be read, or the finder does not know the scheme's box.
    pub fn predict_found(
        &self,
        finder: &Finder,
        data: &dyn Dataset,
        indices: &[usize],
        flip: Flip,
    ) -> Result<FoundPredictions> {
        self.check_scheme(data)?;
        let mut all = FoundPredictions::default();
        for part in indices.chunks(super::BATCH) {
            let looked = part.par_iter().map(|&i| {
                let sample = data.get(i)?;
                let place = self.found_place(finder, &sample)?;
                Ok((i, sample, place))
            });
            let (mut wanted, mut samples) = (Vec::new(), Vec::new());
            for (index, sample, place) in looked.collect::<Result<Vec<_>>>()? {
                match place {
                    Some(place) => {
                        wanted.push((Arc::clone(&sample.image), place));
                        samples.push((index, sample));
                    }
                    None => all.missed.push(MissedFace { index, id: sample.id }),
                }
            }
            for ((index, sample), seen) in samples.into_iter().zip(self.locate(&wanted, flip)?) {
                let Sample { id, subset, to_image, points: truth, scale, .. } = sample;
                let points = seen.points.iter().map(|p| to_image.unapply(*p)).collect();
                let sigma = seen.sigma.map(|all| all.into_iter().map(|s| s / to_image.scale()).collect());
                let confidence = seen.confidence;
                all.found.push(Prediction { index, id, subset, points, confidence, sigma, truth, scale });
            }
        }
        Ok(all)
    }

    /// Where the sample's face is found in its picture.
    fn found_place(&self, finder: &Finder, sample: &Sample) -> Result<Option<Place>> {
        let points: Vec<_> = sample.points.annotated().map(|p| sample.to_image.apply(p)).collect();
        let faces = finder.find(&sample.image, &FindConfig::default())?;
        showing(&faces, &points).map(|face| Place::of(face, self.task(), finder.manifest())).transpose()
    }
}

//! The expected errors of points: measured on annotated faces, and compared with the errors that others have.

use super::{Flip, Prediction, Predictor};
use crate::error::{Error, Result};
use crate::stats::mean;
use candle_vision_helpers::Point;
use facekp_data::{Augment, Dataset};
use facekp_models::Calibration;
use std::sync::Arc;

/// Points whose expected errors are about the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reliability {
    /// How many points.
    pub points: usize,
    /// The mean of their expected errors.
    pub expected: f64,
    /// The mean of their errors, in the same units.
    pub measured: f64,
}

/// The views of faces that expected errors are measured on.
#[derive(Clone, Debug, PartialEq)]
pub enum CalibrationViews {
    /// Each face as it is: right for faces that the network was not trained on.
    Plain,
    /// Each face so many times, changed at random as in training: a network that knows its faces knows them less so.
    Changed {
        /// How strong the changes are.
        augment: Augment,
        /// How many views of each face.
        times: usize,
    },
}

impl std::fmt::Display for CalibrationViews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain => Ok(()),
            Self::Changed { times, .. } => write!(f, ", each in {times} changed views"),
        }
    }
}

impl Predictor {
    /// The same network with `calibration` in place of its own.
    #[must_use]
    pub fn with_calibration(mut self, calibration: Option<Calibration>) -> Self {
        self.calibration = calibration;
        self
    }

    /// Whether points come with expected errors.
    pub fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    /// Measures what the spread of the maps says about the errors, on `views` of samples `indices` of a dataset.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a network without a map for each point; as [`Predictor::predict_dataset`]; for fewer
    /// than a hundred annotated points.
    pub fn calibrate(
        &self,
        data: Arc<dyn Dataset>,
        indices: &[usize],
        flip: Flip,
        views: &CalibrationViews,
    ) -> Result<Calibration> {
        let about = format!("{}, {} of it{views}", data.describe(), indices.len());
        let (augment, times) = match views {
            CalibrationViews::Plain => (None, 1),
            CalibrationViews::Changed { augment, times } => (Some(augment), *times),
        };
        let loader = self.loader(data, indices, augment)?;
        let area = self.task.view.size().area();
        let mut pairs = Vec::new();
        for batch in (0..times).flat_map(|epoch| loader.epoch(epoch)) {
            let batch = batch?;
            let truth = batch.points.to_vec3::<f32>()?;
            let weights = batch.weights.to_vec2::<f32>()?;
            for (i, seen) in self.look_at(&batch, flip, true)?.into_iter().enumerate() {
                let Some(spreads) = seen.sigma else {
                    let reason = "expected a network with a map for each point, got one without".into();
                    return Err(Error::Mismatch { id: "calibration".into(), reason });
                };
                for (k, (point, spread)) in
                    seen.points.iter().zip(spreads).enumerate().filter(|(k, _)| weights[i][*k] > 0.0)
                {
                    let at = Point::new(f64::from(truth[i][k][0]), f64::from(truth[i][k][1]));
                    // what a change moved out of the view, no map can say
                    if augment.is_none() || area.contains(at) {
                        pairs.push((spread, point.distance(at)));
                    }
                }
            }
        }
        Ok(Calibration::fit(&pairs, about).map_err(facekp_models::Error::Config)?)
    }
}

/// An annotated point's expected and measured error.
type Pair = (f64, f64);

impl Reliability {
    /// Annotated points in `bins` parts of equal size by their expected errors, the surest first, errors in units of
    /// `unit`'s length for each face; empty where nothing was calibrated.
    pub fn of(predictions: &[Prediction], bins: usize, unit: impl Fn(&Prediction) -> Option<f64>) -> Vec<Self> {
        let mut pairs = pairs(predictions, unit, |_, _| true);
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (count, bins) = (pairs.len(), bins.clamp(1, pairs.len().max(1)));
        (0..bins).filter_map(|i| Self::of_pairs(&pairs[i * count / bins..(i + 1) * count / bins])).collect()
    }

    /// Those annotated points together of which `belongs` says so, given their face and where they are; `None` where
    /// there are none, or nothing was calibrated.
    pub fn of_points(
        predictions: &[Prediction],
        unit: impl Fn(&Prediction) -> Option<f64>,
        belongs: impl Fn(&Prediction, Point) -> bool,
    ) -> Option<Self> {
        Self::of_pairs(&pairs(predictions, unit, belongs))
    }

    fn of_pairs(pairs: &[Pair]) -> Option<Self> {
        let expected = mean(pairs.iter().map(|p| p.0))?;
        Some(Self { points: pairs.len(), expected, measured: mean(pairs.iter().map(|p| p.1))? })
    }
}

fn pairs(
    predictions: &[Prediction],
    unit: impl Fn(&Prediction) -> Option<f64>,
    belongs: impl Fn(&Prediction, Point) -> bool,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for p in predictions {
        let (Some(sigma), Some(unit)) = (&p.sigma, unit(p).filter(|u| *u > 0.0)) else { continue };
        let points = p.points.iter().zip(p.truth.points()).zip(p.truth.visible()).zip(sigma);
        let wanted = points.filter(|(((_, truth), visible), _)| **visible && belongs(p, **truth));
        pairs.extend(wanted.map(|(((at, truth), _), sigma)| (sigma / unit, at.distance(*truth) / unit)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use facekp_data::{Keypoints, Scale, scheme::NOSE_1};

    fn prediction(error: f64, sigma: f64) -> Prediction {
        Prediction {
            index: 0,
            id: "a".into(),
            subset: None,
            points: vec![Point::new(error, 0.0)],
            confidence: None,
            sigma: Some(vec![sigma]),
            truth: Keypoints::new(&NOSE_1, vec![Point::new(0.0, 0.0)]).unwrap(),
            scale: Scale { normalizer: Some(10.0), normalizer_pupil: None },
        }
    }

    #[test]
    fn bins_by_hand() {
        let all = [prediction(8.0, 4.0), prediction(1.0, 1.0), prediction(3.0, 2.0), prediction(2.0, 6.0)];
        let bins = Reliability::of(&all, 2, |p| p.scale.normalizer);
        // sorted by what is expected: 1 and 2 px with errors of 1 and 3, then 4 and 6 px with 8 and 2; over 10 px
        let expected = [
            Reliability { points: 2, expected: 0.15, measured: 0.2 },
            Reliability { points: 2, expected: 0.5, measured: 0.5 },
        ];
        for (bin, expected) in bins.iter().zip(&expected) {
            assert_eq!(bin.points, expected.points);
            assert!(
                (bin.expected - expected.expected).abs() < 1e-12 && (bin.measured - expected.measured).abs() < 1e-12
            );
        }
        assert_eq!(bins.len(), 2);
        // errors of 8 and 3 px where 4 and 2 were expected
        let large = |p: &Prediction, _: Point| p.points[0].x > 2.5;
        let some = Reliability::of_points(&all, |_| Some(1.0), large).unwrap();
        assert_eq!((some.points, some.expected, some.measured), (2, 3.0, 5.5));
        assert_eq!(Reliability::of_points(&all, |_| Some(1.0), |_, at| at.x > 0.0), None);
        assert!(Reliability::of(&all, 2, |_| None).is_empty());
    }
}

//! The expected errors of points: measured on annotated faces, and compared with the errors that others have.

use super::{Flip, Prediction, Predictor};
use crate::error::{Error, Result};
use crate::stats::mean;
use candle_vision_helpers::Point;
use facekp_data::Dataset;
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

    /// Measures what the spread of the maps says about the errors, on samples `indices` of a dataset.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a network without a map for each point; as [`Predictor::predict_dataset`]; for fewer
    /// than a hundred annotated points.
    pub fn calibrate(&self, data: Arc<dyn Dataset>, indices: &[usize], flip: Flip) -> Result<Calibration> {
        let about = format!("{}, {} of it", data.describe(), indices.len());
        let mut pairs = Vec::new();
        for batch in self.loader(data, indices)?.epoch(0) {
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
                    pairs.push((spread, point.distance(at)));
                }
            }
        }
        Ok(Calibration::fit(&pairs, about).map_err(facekp_models::Error::Config)?)
    }
}

impl Reliability {
    /// Annotated points in `bins` parts of equal size by their expected errors, the surest first, errors in units of
    /// `unit`'s length for each face; empty where nothing was calibrated.
    pub fn of(predictions: &[Prediction], bins: usize, unit: impl Fn(&Prediction) -> Option<f64>) -> Vec<Self> {
        let mut pairs = Vec::new();
        for p in predictions {
            let (Some(sigma), Some(unit)) = (&p.sigma, unit(p).filter(|u| *u > 0.0)) else { continue };
            let points = p.points.iter().zip(p.truth.points()).zip(p.truth.visible()).zip(sigma);
            let visible = points.filter(|((_, visible), _)| **visible);
            pairs.extend(visible.map(|(((at, truth), _), sigma)| (sigma / unit, at.distance(*truth) / unit)));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (count, bins) = (pairs.len(), bins.clamp(1, pairs.len().max(1)));
        let bin = |i: usize| {
            let part = &pairs[i * count / bins..(i + 1) * count / bins];
            let expected = mean(part.iter().map(|p| p.0))?;
            Some(Self { points: part.len(), expected, measured: mean(part.iter().map(|p| p.1))? })
        };
        (0..bins).filter_map(bin).collect()
    }
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
        assert!(Reliability::of(&all, 2, |_| None).is_empty());
    }
}

//! Errors of predicted keypoints, in pixels of the original picture and normalized, as the field reports them.

mod summary;
pub use summary::{Boxes, Summary};

use crate::error::{Error, Result};
use crate::predict::Prediction;
use crate::stats::mean;
use candle_vision_helpers::Point;
use facekp_data::{Keypoints, Scale};
use serde::{Deserialize, Serialize};

/// The errors of one face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaceError {
    /// Name of the sample.
    pub id: String,
    /// Pose or subset of the sample.
    pub subset: Option<String>,
    /// Euclidean distance of each point, original pixels; `None` where the truth is hidden.
    pub px: Vec<Option<f64>>,
    /// Mean of the distances, original pixels.
    pub mean_px: f64,
    /// Mean distance divided by the scheme's normalizer (on faces the distance of the outer eye corners), a fraction.
    pub nme: Option<f64>,
    /// Mean distance divided by the scheme's second normalizer (on faces the distance of the eye centers), a fraction.
    pub nme_pupil: Option<f64>,
    /// What `nme` is divided by, in words.
    pub normalizer: Option<String>,
}

impl FaceError {
    /// Measures predicted points against annotated ones, both in original pixels.
    ///
    /// # Errors
    /// When no point is visible or the numbers of points differ.
    pub fn measure(
        id: &str,
        subset: Option<&str>,
        predicted: &[Point],
        truth: &Keypoints,
        scale: &Scale,
    ) -> Result<Self> {
        let mismatch = |reason: String| Error::Mismatch { id: id.to_owned(), reason };
        if predicted.len() != truth.points().len() {
            return Err(mismatch(format!(
                "expected {} predicted points, got {}",
                truth.points().len(),
                predicted.len()
            )));
        }
        if let Some(i) = predicted.iter().position(|p| !p.is_finite()) {
            return Err(mismatch(format!(
                "expected numbers for predicted point {i}, got {}, {}",
                predicted[i].x, predicted[i].y
            )));
        }
        let px: Vec<Option<f64>> = predicted
            .iter()
            .zip(truth.points())
            .zip(truth.visible())
            .map(|((p, t), &visible)| visible.then(|| p.distance(*t)))
            .collect();
        let mean_px = mean(px.iter().copied().flatten())
            .ok_or_else(|| mismatch("expected at least one annotated point, got none".into()))?;
        let divided = |d: Option<f64>| d.filter(|d| *d > 0.0).map(|d| mean_px / d);
        Ok(Self {
            id: id.to_owned(),
            subset: subset.map(str::to_owned),
            px,
            mean_px,
            nme: divided(scale.normalizer),
            nme_pupil: divided(scale.normalizer_pupil),
            normalizer: truth.scheme().normalizer().map(|n| n.name.clone()),
        })
    }

    /// Measures a prediction against its truth.
    ///
    /// # Errors
    /// As [`FaceError::measure`].
    pub fn of(prediction: &Prediction) -> Result<Self> {
        let p = prediction;
        Self::measure(&p.id, p.subset.as_deref(), &p.points, &p.truth, &p.scale)
    }
}

/// Measures each prediction.
///
/// # Errors
/// As [`FaceError::measure`], for the first that fails.
pub fn measure_all(predictions: &[Prediction]) -> Result<Vec<FaceError>> {
    predictions.iter().map(FaceError::of).collect()
}

/// Exact area under the cumulative error curve of `nmes` up to `limit`, divided by `limit`: mean of `max(0, limit - e)
/// / limit`.
fn auc(nmes: &[f64], limit: f64) -> f64 {
    mean(nmes.iter().map(|e| (limit - e).max(0.0) / limit)).unwrap_or(0.0)
}

/// The fraction of `nmes` above `limit`; 0 for none.
fn failure_rate(nmes: &[f64], limit: f64) -> f64 {
    mean(nmes.iter().map(|&e| f64::from(u8::from(e > limit)))).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use facekp_data::scheme::Scheme;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// The annotation of two points.
    fn pair(points: [Point; 2]) -> Keypoints {
        let scheme = Scheme::from_toml("pair.toml".as_ref(), "name = 'pair'\npoints = 2").unwrap();
        Keypoints::new(&Arc::new(scheme), points.to_vec()).unwrap()
    }

    #[test]
    fn one_face_by_hand() {
        // 3-4-5 and 6-8-10 triangles: distances 5 and 10, mean 7.5; over 50 px 0.15, over 30 px 0.25.
        let truth = pair([Point::new(10.0, 10.0), Point::new(20.0, 20.0)]);
        let scale = Scale { normalizer: Some(50.0), normalizer_pupil: Some(30.0) };
        let predicted = [Point::new(13.0, 14.0), Point::new(14.0, 12.0)];
        let e = FaceError::measure("a", Some("pose 1"), &predicted, &truth, &scale).unwrap();
        assert_eq!(e.px, [Some(5.0), Some(10.0)]);
        assert_eq!((e.mean_px, e.nme, e.nme_pupil), (7.5, Some(0.15), Some(0.25)));

        let mut half = truth.clone();
        half.hide(1);
        let e = FaceError::measure("a", None, &predicted, &half, &scale).unwrap();
        assert_eq!((e.px, e.mean_px), (vec![Some(5.0), None], 5.0));
        half.hide(0);
        assert!(FaceError::measure("a", None, &predicted, &half, &scale).is_err());
    }

    #[test]
    fn impossible_predictions_are_errors_that_name_the_face() {
        let truth = pair([Point::default(); 2]);
        let say = |p: &[Point]| FaceError::measure("x/7", None, p, &truth, &Scale::default()).unwrap_err().to_string();
        assert_eq!(say(&[Point::default()]), "x/7: expected 2 predicted points, got 1");
        assert_eq!(
            say(&[Point::default(), Point::new(f64::NAN, 0.0)]),
            "x/7: expected numbers for predicted point 1, got NaN, 0"
        );
    }

    proptest! {
        #[test]
        fn auc_is_the_integral_of_the_error_curve(nmes in proptest::collection::vec(0.0..0.2f64, 1..40), limit in 0.02..0.15f64) {
            let steps = 20_000;
            let below = |x: f64| nmes.iter().filter(|e| **e <= x).count() as f64 / nmes.len() as f64;
            let sum: f64 = (0..steps).map(|i| below((f64::from(i) + 0.5) / f64::from(steps) * limit)).sum();
            prop_assert!((auc(&nmes, limit) - sum / f64::from(steps)).abs() < 1e-3);
            prop_assert!((failure_rate(&nmes, limit) - (1.0 - below(limit))).abs() < 1e-12);
        }
    }
}

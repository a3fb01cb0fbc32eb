//! Errors by point, group or subset, and what they are divided by.

use anyhow::{Result, bail};
use candle_vision_helpers::{Point, Rect};
use clap::ValueEnum;
use facekp_data::{Scheme, scheme::Length};
use facekp_eval::{FaceError, Prediction, Reliability, metrics::measure_all, tables};

/// What a table of errors has a row for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum By {
    /// Each point of the scheme.
    Point,
    /// Each of its groups.
    Group,
    /// Each subset of the faces: a pose, a folder, a list.
    Subset,
    /// Each twentieth of the points by the errors expected of them (`facekp calibrate`), next to those they have.
    Sigma,
}

/// Into how many parts points are divided by their expected errors.
const BINS: usize = 20;

/// What errors are divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Divisor {
    /// The scheme's normalizer: on faces, the distance of the outer eye corners.
    #[default]
    Scheme,
    /// The scheme's second one: on faces, the distance of the eye centers.
    Pupil,
    /// The diagonal of the annotated points' box.
    Diagonal,
    /// The geometric mean of that box's sides.
    Side,
}

impl Divisor {
    /// The errors of predictions, divided by this.
    pub(super) fn measure(self, predictions: &[Prediction]) -> Result<Vec<FaceError>> {
        let all = measure_all(predictions)?;
        Ok(all.into_iter().zip(predictions).map(|(error, prediction)| self.divided(error, prediction)).collect())
    }

    fn divided(self, error: FaceError, prediction: &Prediction) -> FaceError {
        let (length, name) = match self {
            Self::Scheme => return error,
            Self::Pupil => (prediction.scale.normalizer_pupil, second_name(prediction.truth.scheme())),
            Self::Diagonal => (extent(Length::Diagonal, prediction), "box's diagonal".to_owned()),
            Self::Side => (extent(Length::Side, prediction), "box's side".to_owned()),
        };
        let nme = length.filter(|l| *l > 0.0).map(|l| error.mean_px / l);
        FaceError { nme, normalizer: Some(name), ..error }
    }
}

fn second_name(scheme: &Scheme) -> String {
    scheme.normalizer_pupil().map_or("nothing".to_owned(), |n| n.name.clone())
}

/// A length of the annotated points' box.
fn extent(length: Length, prediction: &Prediction) -> Option<f64> {
    let seen: Vec<Point> = prediction.truth.annotated().collect();
    let normalizer = facekp_data::scheme::Normalizer { name: String::new(), length };
    normalizer.measure(&seen, &vec![true; seen.len()], Rect::around(&seen)?)
}

/// A table of one split's errors.
pub(super) fn table(
    by: By,
    split: &str,
    predictions: &[Prediction],
    errors: &[FaceError],
    scheme: &Scheme,
) -> Result<String> {
    let rows: Vec<(String, f64, Option<f64>)> = match by {
        By::Point => tables::by_point(errors, scheme).into_iter().map(|p| (p.name, p.mean_px, p.nme)).collect(),
        By::Group => tables::by_group(errors, scheme).into_iter().map(|p| (p.name, p.mean_px, p.nme)).collect(),
        By::Sigma => return sigmas(split, predictions),
        By::Subset => tables::by_subset(errors)?.into_iter().map(|s| (s.split, s.mean_px, s.nme)).collect(),
    };
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max(split.len()) + 2;
    let mut lines = vec![format!("{split:<width$}{:>10}{:>9}", "mean px", "NME")];
    lines.extend(rows.iter().map(|(name, px, nme)| {
        let nme = nme.map_or("–".to_owned(), |v| format!("{v:.5}"));
        format!("{name:<width$}{px:>10.4}{nme:>9}")
    }));
    Ok(lines.join("\n"))
}

/// Expected errors next to measured ones, in pixels.
fn sigmas(split: &str, predictions: &[Prediction]) -> Result<String> {
    let bins = Reliability::of(predictions, BINS, |_| Some(1.0));
    if bins.is_empty() {
        bail!("--by sigma: expected a network that was calibrated (`facekp calibrate`), got one that was not");
    }
    let width = split.len().max(6) + 2;
    let mut lines = vec![format!("{split:<width$}{:>12}{:>12}{:>8}", "expected px", "measured px", "ratio")];
    lines.extend(bins.iter().map(|b| {
        let ratio = b.measured / b.expected;
        format!("{:<width$}{:>12.3}{:>12.3}{ratio:>8.3}", b.points, b.expected, b.measured)
    }));
    Ok(lines.join("\n"))
}

//! The errors of a set of faces as the numbers that are reported.

use super::{FaceError, auc, failure_rate};
use crate::error::{Error, Result};
use crate::stats::{mean, median};
use serde::{Deserialize, Serialize};

/// The errors of a set of faces in numbers (the keys of `eval --json`).
#[must_use]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of faces.
    pub faces: usize,
    /// Points per face.
    pub points: usize,
    /// Mean of the faces' means, original pixels.
    pub mean_px: f64,
    /// Median of the faces' means, original pixels.
    pub median_px: f64,
    /// Mean NME over the faces that have a normalizer, a fraction; `null` where the data has no eyes.
    pub nme: Option<f64>,
    /// Mean error divided by the distance between the eye centers, a fraction.
    pub nme_pupil: Option<f64>,
    /// Number of faces that `nme` and all that follows from it leave out, since a point that the normalizer needs is
    /// hidden; not in the JSON where there is none, or where `nme` is `null`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_nme: usize,
    /// Number of faces that `nme_pupil` leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_nme_pupil: usize,
    /// Area under the cumulative error curve up to 0.08, exact, divided by 0.08.
    pub auc_08: Option<f64>,
    /// Fraction of faces above an NME of 0.08.
    pub fr_08: Option<f64>,
    /// AUC up to an NME of 0.10.
    pub auc_10: Option<f64>,
    /// Fraction of faces above an NME of 0.10.
    pub fr_10: Option<f64>,
    /// What the NME is divided by, such as `interocular (outer eye corners)`.
    pub normalizer: String,
    /// Name of the split.
    pub split: String,
    /// Whose boxes the network looked at.
    #[serde(default)]
    pub boxes: Boxes,
    /// With found boxes, the number of faces that were found; the others count as failures, and have no part in means.
    #[serde(default)]
    pub found: Option<usize>,
}

/// Whose boxes a network looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boxes {
    /// Those of the annotated points.
    #[default]
    Annotated,
    /// Those of the face finder.
    Found,
}

impl Summary {
    /// Summarizes the errors of faces.
    ///
    /// # Errors
    /// [`crate::Error::Empty`] for none.
    pub fn of(errors: &[FaceError], split: &str) -> Result<Self> {
        let px: Vec<f64> = errors.iter().map(|e| e.mean_px).collect();
        let (Some(mean_px), Some(median_px)) = (mean(px.iter().copied()), median(&px)) else {
            return Err(Error::Empty(format!("split {split}: expected at least one face to measure, got none")));
        };
        // One face with a hidden normalizer would take the NME of a whole set; but a mean over the others must not look
        // like the mean over all, so those left out are counted.
        let of_those = |nme: fn(&FaceError) -> Option<f64>| {
            let nmes: Vec<f64> = errors.iter().filter_map(nme).collect();
            let without = if nmes.is_empty() { 0 } else { errors.len() - nmes.len() };
            (Some(nmes).filter(|n| !n.is_empty()), without)
        };
        let ((nmes, without_nme), (pupil, without_nme_pupil)) = (of_those(|e| e.nme), of_those(|e| e.nme_pupil));
        let measured = errors.iter().find(|e| e.nme.is_some());
        let of = |f: fn(&[f64], f64) -> f64, limit: f64| nmes.as_deref().map(|n| f(n, limit));
        Ok(Self {
            faces: errors.len(),
            points: errors.iter().map(|e| e.px.len()).max().unwrap_or(0),
            mean_px,
            median_px,
            nme: nmes.as_deref().and_then(|n| mean(n.iter().copied())),
            nme_pupil: pupil.and_then(mean),
            without_nme,
            without_nme_pupil,
            auc_08: of(auc, 0.08),
            fr_08: of(failure_rate, 0.08),
            auc_10: of(auc, 0.10),
            fr_10: of(failure_rate, 0.10),
            normalizer: measured.and_then(|e| e.normalizer.clone()).unwrap_or_else(|| "none".into()),
            split: split.to_owned(),
            boxes: Boxes::Annotated,
            found: None,
        })
    }

    /// The same where the faces had to be found first, and `missed` more were not: they count as faces with an error
    /// above every limit.
    pub fn with_missed(self, missed: usize) -> Self {
        let measured = (self.faces - self.without_nme) as f64;
        let all = measured + missed as f64;
        let fewer = |auc: f64| auc * measured / all;
        let more = |fr: f64| (fr * measured + missed as f64) / all;
        Self {
            faces: self.faces + missed,
            auc_08: self.auc_08.map(fewer),
            fr_08: self.fr_08.map(more),
            auc_10: self.auc_10.map(fewer),
            fr_10: self.fr_10.map(more),
            boxes: Boxes::Found,
            found: Some(self.faces),
            ..self
        }
    }

    /// The faces that the NME leaves out, in words; `None` where it leaves out none.
    pub fn left_out(&self) -> Option<String> {
        let (nme, pupil) = (self.without_nme, self.without_nme_pupil);
        let faces = |n: usize| format!("{n} face{}", if n == 1 { "" } else { "s" });
        let of =
            |what: &str, n: usize| format!("{what} leaves out {} of {} with a hidden normalizer", faces(n), self.faces);
        match (nme, pupil) {
            (0, 0) => None,
            (a, 0) => Some(of("NME", a)),
            (0, b) => Some(of("NME pupil", b)),
            (a, b) => Some(format!("{}, NME pupil {}", of("NME", a), faces(b))),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn face(id: &str, mean: f64, nme: Option<f64>) -> FaceError {
        FaceError {
            id: id.into(),
            subset: None,
            px: vec![Some(mean)],
            mean_px: mean,
            nme,
            nme_pupil: nme.map(|n| 2.0 * n),
            normalizer: Some("eyes".into()),
        }
    }

    #[test]
    fn a_summary_by_hand() {
        // NMEs 0.02, 0.05, 0.08, 0.09. AUC@0.08: (0.06 + 0.03 + 0 + 0) / 4 / 0.08 = 0.28125; one of four above 0.08.
        // AUC@0.10: (0.08 + 0.05 + 0.02 + 0.01) / 4 / 0.10 = 0.4; none above.
        let faces: Vec<_> = [(2.0, 0.02), (5.0, 0.05), (8.0, 0.08), (9.0, 0.09)]
            .iter()
            .map(|&(px, nme)| face("f", px, Some(nme)))
            .collect();
        let s = Summary::of(&faces, "val").unwrap();
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        assert_eq!((s.faces, s.points, s.mean_px, s.median_px), (4, 1, 6.0, 6.5));
        near(s.nme, 0.06);
        near(s.nme_pupil, 0.12);
        near(s.auc_08, 0.28125);
        near(s.fr_08, 0.25);
        near(s.auc_10, 0.4);
        near(s.fr_10, 0.0);
        assert_eq!((s.normalizer.as_str(), s.split.as_str()), ("eyes", "val"));
    }

    #[test]
    fn missed_faces_are_failures() {
        // NMEs 0.02 and 0.09, two missed. AUC@0.08: 0.06 / 4 / 0.08 = 0.1875; three of four above it. AUC@0.10: (0.08 +
        // 0.01) / 4 / 0.10 = 0.225; two of four above.
        let faces = [face("a", 2.0, Some(0.02)), face("b", 9.0, Some(0.09))];
        let s = Summary::of(&faces, "val").unwrap().with_missed(2);
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        assert_eq!((s.faces, s.found, s.boxes), (4, Some(2), Boxes::Found));
        near(s.auc_08, 0.1875);
        near(s.fr_08, 0.75);
        near(s.auc_10, 0.225);
        near(s.fr_10, 0.5);
        near(s.nme, 0.055);
    }

    #[test]
    fn faces_with_hidden_eyes_are_left_out_of_the_nme_and_counted() {
        let s = Summary::of(&[face("a", 1.0, Some(0.1)), face("b", 2.0, None)], "val").unwrap();
        assert_eq!((s.faces, s.mean_px, s.nme, s.without_nme, s.without_nme_pupil), (2, 1.5, Some(0.1), 1, 1));
        assert_eq!((s.fr_08, s.normalizer.as_str()), (Some(1.0), "eyes"));
        assert_eq!(s.left_out().unwrap(), "NME leaves out 1 face of 2 with a hidden normalizer, NME pupil 1 face");
        let json = serde_json::to_value(&s).unwrap();
        assert_eq!(json["without_nme"], 1);
        assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), s);
    }

    #[test]
    fn data_without_eyes_has_no_nme_and_no_faces_is_an_error() {
        let s = Summary::of(&[face("a", 1.0, None), face("b", 2.0, None)], "val").unwrap();
        assert_eq!((s.nme, s.auc_08, s.normalizer.as_str(), s.left_out()), (None, None, "none", None));
        assert!(Summary::of(&[], "val").is_err());
    }
}

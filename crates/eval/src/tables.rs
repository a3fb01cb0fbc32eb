//! Errors by point, by group and by subset; the cumulative error curve.

use crate::{
    FaceError, Result, Summary,
    curve::Series,
    metrics::{mean, median},
};
use facekp_data::Scheme;
use serde::Serialize;
use std::collections::BTreeMap;

/// The errors of one point, or of the points of one group, over all faces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The point's number, or the group's name.
    pub name: String,
    /// How many points it has.
    pub points: usize,
    /// Mean over the faces of the face's mean over the part's annotated points, original pixels.
    pub mean_px: f64,
    /// Median over the faces.
    pub median_px: f64,
    /// Mean over the faces that have a normaliser, each divided by its own; `None` where none has.
    pub nme: Option<f64>,
}

/// Errors by point, in the scheme's order; points that no face shows are left out.
pub fn by_point(errors: &[FaceError]) -> Vec<Part> {
    let points = errors.iter().map(|e| e.px.len()).max().unwrap_or(0);
    (0..points).filter_map(|i| part(errors, &i.to_string(), i..i + 1)).collect()
}

/// Errors by group, in the scheme's order; groups that no face shows are left out.
pub fn by_group(errors: &[FaceError], scheme: &Scheme) -> Vec<Part> {
    scheme.groups().iter().filter_map(|g| part(errors, &g.name, g.points.clone())).collect()
}

fn part(errors: &[FaceError], name: &str, range: std::ops::Range<usize>) -> Option<Part> {
    let points = range.len();
    let (mut px, mut nmes) = (Vec::new(), Vec::new());
    for e in errors {
        let Some(m) = e.px.get(range.clone()).and_then(|p| mean(p.iter().copied().flatten())) else { continue };
        px.push(m);
        // The face's normaliser, found back from its own mean and NME.
        let d = e.nme.filter(|n| *n > 0.0).map(|n| e.mean_px / n);
        nmes.extend(d.map(|d| m / d));
    }
    Some(Part {
        name: name.to_owned(),
        points,
        mean_px: mean(px.iter().copied())?,
        median_px: median(&px)?,
        nme: mean(nmes),
    })
}

/// A summary for each subset (pose, source), sorted by name; faces without one are left out.
///
/// # Errors
/// As [`Summary::of`].
pub fn by_subset(errors: &[FaceError]) -> Result<Vec<Summary>> {
    let mut sets: BTreeMap<&str, Vec<FaceError>> = BTreeMap::new();
    for e in errors {
        if let Some(name) = e.subset.as_deref() {
            sets.entry(name).or_default().push(e.clone());
        }
    }
    sets.iter().map(|(name, faces)| Summary::of(faces, name)).collect()
}

/// The cumulative error curve as steps: x the error, y the fraction of faces at or below it, from `(0, 0)` to `limit`.
pub fn cumulative(name: &str, errors: &[f64], limit: f64) -> Series {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len().max(1) as f64;
    let mut points = vec![(0.0, 0.0)];
    let mut below = 0.0;
    for (i, &e) in sorted.iter().enumerate().take_while(|(_, e)| **e <= limit) {
        points.push((e, below));
        below = (i + 1) as f64 / n;
        points.push((e, below));
    }
    points.push((limit, below));
    Series { name: name.to_owned(), points }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const THREE: &str = "
        name = 'three'
        points = 3
        groups = [{ name = 'a', first = 0, last = 1 }, { name = 'b', first = 2, last = 2 }]
    ";

    fn face(px: [Option<f64>; 3], d: Option<f64>, subset: &str) -> FaceError {
        let mean_px = mean(px.iter().copied().flatten()).unwrap();
        let nme = d.map(|d| mean_px / d);
        FaceError {
            id: "f".into(),
            subset: Some(subset.into()),
            px: px.to_vec(),
            mean_px,
            nme,
            nme_pupil: None,
            normalizer: None,
        }
    }

    #[test]
    fn parts_by_hand() {
        let faces = [
            face([Some(1.0), Some(3.0), Some(10.0)], Some(20.0), "p"),
            face([Some(4.0), None, Some(20.0)], Some(40.0), "q"),
        ];
        let points = by_point(&faces);
        let px: Vec<f64> = points.iter().map(|p| p.mean_px).collect();
        assert_eq!(px, [2.5, 3.0, 15.0]);
        let groups = by_group(&faces, &Scheme::from_toml("three.toml".as_ref(), THREE).unwrap());
        // Group a: (1 + 3) / 2 = 2 and 4, so 3 px; NME 2/20 and 4/40, so 0.1. Group b: 10/20 and 20/40.
        assert_eq!((groups[0].mean_px, groups[1].mean_px), (3.0, 15.0));
        assert!((groups[0].nme.unwrap() - 0.1).abs() < 1e-12 && (groups[1].nme.unwrap() - 0.5).abs() < 1e-12);
        let subsets = by_subset(&faces).unwrap();
        assert_eq!(subsets.iter().map(|s| (s.split.as_str(), s.faces)).collect::<Vec<_>>(), [("p", 1), ("q", 1)]);
    }

    #[test]
    fn a_curve_by_hand() {
        let s = cumulative("net", &[0.06, 0.02, 0.5, 0.04], 0.08);
        assert_eq!(
            s.points,
            [(0.0, 0.0), (0.02, 0.0), (0.02, 0.25), (0.04, 0.25), (0.04, 0.5), (0.06, 0.5), (0.06, 0.75), (0.08, 0.75)]
        );
    }
}

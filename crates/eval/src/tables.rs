//! Errors by group and by subset; the cumulative error curve.

use crate::error::Result;
use crate::metrics::{FaceError, Summary};
use crate::plot::Series;
use crate::stats::mean;
use facekp_data::{Scheme, scheme::Group};
use std::{collections::BTreeMap, ops::Range};

/// The mean error of some of the points over all faces.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name of the group, or of the point.
    pub name: String,
    /// Mean over the faces of the face's mean over these points, as far as they are annotated, original pixels.
    pub mean_px: f64,
    /// The mean of that divided by each face's normalizer, a fraction; `None` where no face has one.
    pub nme: Option<f64>,
}

/// Errors by group, in the scheme's order; groups that no face shows are left out.
pub fn by_group(errors: &[FaceError], scheme: &Scheme) -> Vec<Part> {
    let part = |g: &Group| part(errors, g.name.clone(), g.points.clone());
    scheme.groups().iter().filter_map(part).collect()
}

/// Errors by point, in the scheme's order, by the points' names or numbers from 0; points that no face shows are left
/// out.
pub fn by_point(errors: &[FaceError], scheme: &Scheme) -> Vec<Part> {
    let name = |i: usize| scheme.point_names().get(i).cloned().unwrap_or_else(|| i.to_string());
    (0..scheme.len()).filter_map(|i| part(errors, name(i), i..i + 1)).collect()
}

fn part(errors: &[FaceError], name: String, points: Range<usize>) -> Option<Part> {
    let of = |e: &FaceError| mean(e.px.get(points.clone())?.iter().copied().flatten());
    let divided = |e: &FaceError| Some(of(e)? * (e.nme? / e.mean_px)).filter(|v| v.is_finite());
    Some(Part { name, mean_px: mean(errors.iter().filter_map(of))?, nme: mean(errors.iter().filter_map(divided)) })
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
pub(crate) fn cumulative(name: &str, errors: &[f64], limit: f64) -> Series {
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
        let groups = by_group(&faces, &Scheme::from_toml("three.toml".as_ref(), THREE).unwrap());
        // Group a: (1 + 3) / 2 = 2 and 4, so 3 px. Group b: 10 and 20.
        assert_eq!((groups[0].mean_px, groups[1].mean_px), (3.0, 15.0));
        // over 20 and 40 px: (2/20 + 4/40) / 2 and (10/20 + 20/40) / 2
        let near = |v: Option<f64>, wanted: f64| (v.unwrap() - wanted).abs() < 1e-12;
        assert!(near(groups[0].nme, 0.1) && near(groups[1].nme, 0.5), "{groups:?}");
        let points = by_point(&faces, &Scheme::from_toml("three.toml".as_ref(), THREE).unwrap());
        // the second point is hidden on the second face
        let all: Vec<_> = points.iter().map(|p| (p.name.as_str(), p.mean_px)).collect();
        assert_eq!(all, [("0", 2.5), ("1", 3.0), ("2", 15.0)]);
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

//! From a found face to the box that a keypoint network looks at: a linear map, fitted on annotated faces.

use super::FoundFace;
use crate::error::{Error, Result};
use candle_vision_helpers::{Affine, Point, Rect};
use facekp_models::BoxFit;

/// Where a keypoint network should look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UprightBox {
    /// From the picture's pixels to a frame in which the face is upright: a turn about the middle of its bounds.
    pub to_upright: Affine,
    /// The box, in that frame.
    pub face: Rect,
}

/// Numbers that the map starts from.
const FEATURES: usize = BoxFit::ROWS;

/// What is known of a face in its upright frame, positions from the middle of its bounds in units of its size.
struct Features {
    to_upright: Affine,
    center: Point,
    size: f64,
    values: [f64; FEATURES],
}

impl Features {
    fn of(face: &FoundFace) -> Result<Self> {
        let (b, center) = (face.upright, face.upright.center());
        let size = (b.width * b.height).sqrt();
        let flat = || Error::Empty(format!("found face: expected bounds with an area, got {b:?}"));
        let to_upright = Affine::rotation_scale(center, -face.roll.to_radians(), 1.0).map_err(|_| flat())?;
        let mut values = [0.0; FEATURES];
        (values[0], values[1]) = (1.0, b.width / size);
        for (pair, p) in values[2..].as_chunks_mut::<2>().0.iter_mut().zip(&face.landmarks) {
            let p = to_upright.apply(*p);
            *pair = [(p.x - center.x) / size, (p.y - center.y) / size];
        }
        if values.iter().all(|v| v.is_finite()) { Ok(Self { to_upright, center, size, values }) } else { Err(flat()) }
    }

    fn to_box(&self, coefficients: &[[f64; 4]]) -> Rect {
        let mut sums = [0.0; 4];
        for (value, row) in self.values.iter().zip(coefficients) {
            sums.iter_mut().zip(row).for_each(|(sum, share)| *sum += value * share * self.size);
        }
        // never inside out, however strange a face
        let [dx, dy, width, height] = [sums[0], sums[1], sums[2].max(0.3 * self.size), sums[3].max(0.3 * self.size)];
        Rect::new(self.center.x + dx - width / 2.0, self.center.y + dy - height / 2.0, width, height)
    }

    /// The numbers of [`to_box`](Self::to_box) that would give `face`.
    fn target(&self, face: Rect) -> [f64; 4] {
        let c = face.center();
        [c.x - self.center.x, c.y - self.center.y, face.width, face.height].map(|v| v / self.size)
    }
}

/// The box of a scheme's points around a found face, by the map that was fitted for the scheme.
///
/// # Errors
/// A face without bounds, or coefficients that are not those of this map.
pub fn upright_box(face: &FoundFace, fit: &BoxFit) -> Result<UprightBox> {
    if fit.coefficients.len() != FEATURES {
        let reason = format!("expected {FEATURES} rows of coefficients, got {}", fit.coefficients.len());
        return Err(Error::Mismatch { id: "box of a found face".into(), reason });
    }
    let features = Features::of(face)?;
    Ok(UprightBox { to_upright: features.to_upright, face: features.to_box(&fit.coefficients) })
}

/// Keeps the coefficients small where the faces do not tell them.
const RIDGE: f64 = 1e-2;

/// The map that brings found faces nearest to the tight boxes of their points (least squares).
///
/// # Errors
/// No face.
pub(super) fn fit(pairs: &[(FoundFace, Vec<Point>)], data: String) -> Result<BoxFit> {
    let (mut gram, mut right) = ([[0.0; FEATURES]; FEATURES], [[0.0; 4]; FEATURES]);
    let mut known = Vec::with_capacity(pairs.len());
    for (face, points) in pairs {
        let features = Features::of(face)?;
        let upright: Vec<Point> = points.iter().map(|p| features.to_upright.apply(*p)).collect();
        let Some(tight) = Rect::around(&upright) else { continue };
        let target = features.target(tight);
        for (i, a) in features.values.iter().enumerate() {
            gram[i].iter_mut().zip(features.values).for_each(|(sum, b)| *sum += a * b);
            right[i].iter_mut().zip(target).for_each(|(sum, t)| *sum += a * t);
        }
        known.push((features, tight));
    }
    if known.is_empty() {
        return Err(Error::Empty(format!("{data}: expected found faces to fit boxes on, got none")));
    }
    gram.iter_mut().enumerate().for_each(|(i, row)| row[i] += RIDGE);
    let coefficients = solve(gram, right).to_vec();
    let shared = |(f, tight): &(Features, Rect)| f.to_box(&coefficients).overlap(*tight);
    let overlap = known.iter().map(shared).sum::<f64>() / known.len() as f64;
    Ok(BoxFit { overlap, data, faces: known.len(), coefficients, picture: None })
}

/// `x` of `a x = b` for a symmetric, positive definite `a`: elimination without exchanges.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [[f64; 4]; N]) -> [[f64; 4]; N] {
    for i in 0..N {
        for j in i + 1..N {
            let factor = a[j][i] / a[i][i];
            (i..N).for_each(|k| a[j][k] -= factor * a[i][k]);
            (0..4).for_each(|k| b[j][k] -= factor * b[i][k]);
        }
    }
    for i in (0..N).rev() {
        b[i] = std::array::from_fn(|k| {
            let rest: f64 = (i + 1..N).map(|j| a[i][j] * b[j][k]).sum();
            (b[i][k] - rest) / a[i][i]
        });
    }
    b
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::direction::roll;
    use super::*;

    /// Faces of different places, sizes and rolls whose points' box is a fixed part of their upright bounds.
    fn faces() -> Vec<(FoundFace, Vec<Point>)> {
        let wave = |i: usize, by: f64| (i as f64 * by).sin();
        let one = |i: usize| {
            let center = Point::new(300.0 + 100.0 * wave(i, 0.7), 200.0 + 90.0 * wave(i, 1.3));
            let (size, degrees) = (80.0 + 40.0 * wave(i, 2.1), 90.0 * (i % 4) as f64 + 5.0 * wave(i, 3.1));
            let turn = Affine::rotation_scale(center, f64::to_radians(degrees), 1.0).unwrap();
            let place = |x: f64, y: f64| turn.apply(Point::new(center.x + x * size, center.y + y * size));
            let eyes = 0.2 + 0.02 * wave(i, 4.7);
            let landmarks = [(-eyes, -0.15), (eyes, -0.15), (0.0, 0.05), (-0.15, 0.25), (0.15, 0.25)];
            let landmarks = landmarks.map(|(x, y)| place(x, y));
            let bounds = Rect::new(center.x - size / 2.0, center.y - size / 2.0, size, size);
            // as wide as the eyes are far apart, and lower than the bounds
            let w = 2.0 * eyes;
            let points = vec![place(-w, -0.2), place(w, -0.2), place(0.0, 0.6)];
            (FoundFace { bounds, upright: bounds, score: 0.9, landmarks, roll: roll(&landmarks) }, points)
        };
        (0..60).map(one).collect()
    }

    #[test]
    fn a_map_finds_the_boxes_that_it_was_fitted_on() {
        let pairs = faces();
        let fit = fit(&pairs, "faces by hand".into()).unwrap();
        assert!(fit.overlap > 0.98, "{}", fit.overlap);
        for (face, points) in &pairs {
            let found = upright_box(face, &fit).unwrap();
            let upright: Vec<Point> = points.iter().map(|p| found.to_upright.apply(*p)).collect();
            let tight = Rect::around(&upright).unwrap();
            let off = found.face.center().distance(tight.center()) / face.bounds.width;
            assert!(off < 0.02, "{face:?}: {off}");
            // upright: the chin is below
            assert!(upright[2].y > upright[0].y + 0.5 * face.bounds.height);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(fit(&[], "nothing".into()).unwrap_err().to_string().contains("got none"));
        let (face, _) = faces().remove(0);
        let few =
            BoxFit { coefficients: vec![[0.0; 4]; 3], data: String::new(), faces: 1, overlap: 1.0, picture: None };
        assert!(upright_box(&face, &few).unwrap_err().to_string().contains("12 rows"));
        let flat = FoundFace { upright: Rect::new(1.0, 1.0, 0.0, 5.0), ..face };
        let none = BoxFit { coefficients: vec![[0.0; 4]; FEATURES], ..few };
        assert!(upright_box(&flat, &none).is_err());
    }
}

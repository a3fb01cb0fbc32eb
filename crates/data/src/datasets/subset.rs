//! A dataset seen through a smaller scheme, such as the nose's tip alone of IMM's 58 points.

use crate::{
    dataset::{Dataset, Frame},
    datasets::record::{nth, scale},
    error::{Error, Result},
    keypoints::Keypoints,
    sample::{Annotation, Sample, Scale},
    scheme::{self, Scheme},
    split::Split,
};
use candle_vision_helpers::{Point, Rect};
use std::sync::Arc;

/// `inner` through the smaller scheme `part`.
///
/// # Errors
/// When `part` is no part of its own scheme, or no face has any of its points.
pub(crate) fn through(inner: Box<dyn Dataset>, part: &Arc<Scheme>) -> Result<Box<dyn Dataset>> {
    let Some(places) = part.places_in(inner.scheme()) else {
        let (wanted, whole, set) = (part.name(), inner.scheme().name(), inner.describe());
        return Err(Error::Invalid(format!("{set}: expected points of the scheme {wanted}, got {whole}")));
    };
    chosen(inner, part, places, Boxed::Whole)
}

/// Whose box and lengths faces have that are seen through other points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boxed {
    /// All points'.
    Whole,
    /// Those of the points that are seen.
    Part,
}

/// The points at `places` of each face of `inner`, as those of `scheme`; faces that show none of them are left out.
///
/// # Errors
/// When no face shows any.
pub(super) fn chosen(
    inner: Box<dyn Dataset>,
    scheme: &Arc<Scheme>,
    places: Vec<usize>,
    boxed: Boxed,
) -> Result<Box<dyn Dataset>> {
    Ok(Box::new(Subset::new(inner, scheme, places, boxed)?))
}

/// [`through`] the built-in scheme called `part`.
pub(crate) fn through_named(inner: Box<dyn Dataset>, part: &str) -> Result<Box<dyn Dataset>> {
    match scheme::by_name(part) {
        Some(part) => through(inner, &part),
        None => Err(Error::Invalid(format!("expected a scheme, got {part:?}"))),
    }
}

/// Some points of another dataset's faces.
struct Subset {
    inner: Box<dyn Dataset>,
    scheme: Arc<Scheme>,
    points: Vec<usize>,
    /// The inner dataset's index of each face.
    kept: Vec<usize>,
    boxed: Boxed,
}

impl Subset {
    fn new(inner: Box<dyn Dataset>, scheme: &Arc<Scheme>, points: Vec<usize>, boxed: Boxed) -> Result<Self> {
        let mut kept = Vec::with_capacity(inner.len());
        for i in 0..inner.len() {
            let face = inner.annotation(i)?.points;
            if points.iter().any(|&p| face.visible().get(p) == Some(&true)) {
                kept.push(i);
            }
        }
        if kept.is_empty() {
            let (set, name) = (inner.describe(), scheme.name());
            return Err(Error::Invalid(format!("{set}: expected a face with a point of {name}, got them all hidden")));
        }
        Ok(Self { inner, scheme: Arc::clone(scheme), points, kept, boxed })
    }

    fn chosen(&self, all: &Keypoints) -> Result<Keypoints> {
        let points = self.points.iter().filter_map(|&p| all.points().get(p).copied()).collect();
        let mut chosen = Keypoints::new(&self.scheme, points).ok_or_else(|| {
            let (expected, got) = (self.scheme.len(), self.points.len());
            Error::Invalid(format!("{}: expected {expected} points, got {got}", self.scheme.name()))
        })?;
        for (i, &p) in self.points.iter().enumerate() {
            if all.visible().get(p) != Some(&true) {
                chosen.hide(i);
            }
        }
        Ok(chosen)
    }

    /// The box of the points that are seen, where it counts and they have an extent.
    fn own_box(&self, points: &Keypoints) -> Option<Rect> {
        let seen: Vec<Point> = points.annotated().collect();
        Rect::around(&seen).filter(|face| self.boxed == Boxed::Part && face.width > 0.0 && face.height > 0.0)
    }
}

impl Dataset for Subset {
    fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }

    fn len(&self) -> usize {
        self.kept.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        let sample = self.inner.get(*nth(&self.kept, i)?)?;
        let points = self.chosen(&sample.points)?;
        if self.boxed == Boxed::Whole {
            return Ok(Sample { points, ..sample });
        }
        let (own, face) = (self.own_box(&points), sample.face);
        let scale = own.map_or(Scale::default(), |own| scale(&points, own));
        Ok(Sample { scale, points, face: own.unwrap_or(face), ..sample })
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        let face = self.inner.annotation(*nth(&self.kept, i)?)?;
        let points = self.chosen(&face.points)?;
        Ok(Annotation { face: self.own_box(&points).unwrap_or(face.face), points, ..face })
    }

    fn frame(&self) -> Frame {
        self.inner.frame()
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let inner = self.inner.split(split)?;
        let own: Vec<usize> = inner.iter().filter_map(|i| self.kept.binary_search(i).ok()).collect();
        if own.is_empty() && !inner.is_empty() {
            let (set, name, split) = (self.describe(), self.scheme.name(), split.name());
            return Err(Error::Invalid(format!("{set}: expected a face with a point of {name} in {split}, got none")));
        }
        Ok(own)
    }

    fn describe(&self) -> String {
        match self.inner.len() - self.len() {
            0 => self.inner.describe(),
            hidden => format!("{}, {hidden} left out", self.inner.describe()),
        }
    }

    fn is_synthetic(&self) -> bool {
        self.inner.is_synthetic()
    }
}

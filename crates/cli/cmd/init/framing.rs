//! What of a picture the network of a new recipe looks at.

use anyhow::Result;
use candle_core::Device;
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{Annotation, Dataset, Sample, Scheme, Split, picture::picture_size};
use facekp_eval::{FindConfig, Finder, finder::fit_boxes, stats::spread};
use facekp_models::{BoxFit, FINDER, locate};
use std::collections::HashMap;

/// Pictures that are looked at to tell whether they show faces.
const LOOKS: usize = 24;
/// Of them, this part has to show a face that the finder finds.
const FACES: f64 = 0.5;
/// Faces that the box of new points is fitted on.
const FITTED: usize = 100;
/// An object fills its picture where its box's side is at least this part of the picture's, of nine in ten pictures.
const FILLS: f64 = 0.3;

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Framing {
    /// The box of a face, as the face finder gives it; with the map to that box where the finder's file has none.
    Face(Option<BoxFit>),
    /// The whole picture, which shows one object.
    Picture,
    /// An object's box, which somebody has to give.
    Box,
}

impl Framing {
    /// What the objects of `set` ask for.
    pub(super) fn of(set: &dyn Dataset, scheme: &Scheme, device: &Device) -> Result<Self> {
        if let Ok(finder) = locate(FINDER) {
            let finder = Finder::load(&finder, device)?;
            if share_of_faces(&finder, set)? > FACES {
                let fit = || fit_boxes(&finder, set, &spread(&set.split(Split::Fit)?, FITTED));
                let known = finder.manifest().fit(scheme).is_some();
                return Ok(Self::Face(if known { None } else { Some(fit()?) }));
            }
        }
        Ok(if fill_their_pictures(set)? { Self::Picture } else { Self::Box })
    }
}

/// The share of objects that the face finder finds, of some that are spread over the set.
fn share_of_faces(finder: &Finder, set: &dyn Dataset) -> Result<f64> {
    let chosen = spread(&(0..set.len()).collect::<Vec<_>>(), LOOKS);
    let mut found = 0;
    for &i in &chosen {
        let Sample { image, to_image, face, .. } = set.get(i)?;
        let ends = [Point::new(face.x, face.y), Point::new(face.x + face.width, face.y + face.height)];
        let shown = Rect::around(&ends.map(|p| to_image.apply(p))).unwrap_or(face);
        let all = finder.find(&image, &FindConfig::default())?;
        found += usize::from(all.iter().any(|f| f.bounds.overlap(shown) > 0.3));
    }
    Ok(found as f64 / chosen.len().max(1) as f64)
}

/// Whether every picture shows one object, and nearly every object fills its picture.
fn fill_their_pictures(set: &dyn Dataset) -> Result<bool> {
    let mut sides: HashMap<_, f64> = HashMap::new();
    for i in 0..set.len() {
        let Annotation { picture, face, .. } = set.annotation(i)?;
        // what is no file of its own has to be decoded
        let Size { width, height } = match picture_size(&picture) {
            Ok(size) => size,
            Err(_) => set.get(i)?.original,
        };
        let side = (face.width * face.height / (width * height) as f64).sqrt();
        if sides.insert(picture, side).is_some() {
            return Ok(false);
        }
    }
    let small = sides.values().filter(|side| **side < FILLS).count();
    Ok(!sides.is_empty() && 10 * small <= sides.len())
}

//! What of a picture the network of a new recipe looks at.

use anyhow::Result;
use candle_core::Device;
use candle_vision_helpers::{Rect, Size};
use facekp_data::{Annotation, Dataset, Sample, Scheme, Split, picture::picture_size, scheme::IBUG_68};
use facekp_eval::{
    FindConfig, Finder,
    finder::{fit_boxes, showing, upright_box},
    stats::spread,
};
use facekp_models::{BoxFit, FINDER, locate};
use std::collections::HashMap;

/// Pictures that are looked at to tell whether they show faces.
const LOOKS: usize = 24;
/// Of them, this part has to show a face that the finder finds.
const FACES: f64 = 0.5;
/// Points of a part of a face are looked at with at most this many times their box.
const MOST: f64 = 4.0;
/// Faces that the box of new points is fitted on.
const FITTED: usize = 100;
/// An object fills its picture where its box's side is at least this part of the picture's, of nine in ten pictures.
const FILLS: f64 = 0.3;

/// The box of [`IBUG_68`]'s points is enlarged by this much where `face68` looks at it.
const ENLARGE: f64 = 1.25;

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Framing {
    /// A face, shown as large as `face68` saw faces.
    Face {
        /// How a found face becomes the box of the points, where the finder's file does not know it.
        fit: Option<BoxFit>,
        /// By how much that box is enlarged.
        enlarge: f64,
    },
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
            let faces = Faces::of(&finder, set)?;
            if faces.share > FACES {
                let fit = || fit_boxes(&finder, set, &spread(&set.split(Split::Fit)?, FITTED));
                let known = finder.manifest().fit(scheme).is_some();
                let fit = if known { None } else { Some(fit()?) };
                return Ok(Self::Face { fit, enlarge: faces.enlarge });
            }
        }
        Ok(if fill_their_pictures(set)? { Self::Picture } else { Self::Box })
    }
}

/// What the face finder says of some objects that are spread over a set.
struct Faces {
    /// The share of them whose points lie on a face that is found.
    share: f64,
    /// What their boxes have to be enlarged by to show as much of a face as `face68` saw.
    enlarge: f64,
}

impl Faces {
    fn of(finder: &Finder, set: &dyn Dataset) -> Result<Self> {
        let chosen = spread(&(0..set.len()).collect::<Vec<_>>(), LOOKS);
        let (mut found, mut enlarged) = (0, Vec::new());
        for &i in &chosen {
            let Sample { image, to_image, points, .. } = set.get(i)?;
            let points: Vec<_> = points.annotated().map(|p| to_image.apply(p)).collect();
            let faces = finder.find(&image, &FindConfig::default())?;
            let Some((face, tight)) = showing(&faces, &points).zip(Rect::around(&points)) else { continue };
            found += 1;
            if let Some(fit) = finder.manifest().fit(&IBUG_68) {
                let (whole, part) = (upright_box(face, fit)?.face.square(ENLARGE), tight.square(1.0));
                enlarged.extend((part.width > 0.0).then_some(whole.width / part.width));
            }
        }
        enlarged.sort_by(f64::total_cmp);
        // to a twentieth; boxes of whole faces differ by less than they are shifted in training
        let median = enlarged.get(enlarged.len() / 2).map_or(ENLARGE, |e| (e * 20.0).round() / 20.0);
        let alike = (median / ENLARGE - 1.0).abs() < 0.15;
        let enlarge = if alike { ENLARGE } else { median.clamp(1.0, MOST) };
        Ok(Self { share: f64::from(found) / chosen.len().max(1) as f64, enlarge })
    }
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

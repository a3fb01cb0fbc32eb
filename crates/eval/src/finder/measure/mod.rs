//! How many faces of photos a finder finds and how often it is wrong, by the size of the face.
//!
//! The protocol is that of WIDER FACE (Yang, Luo, Loy, Tang: WIDER FACE: A Face Detection Benchmark, CVPR 2016, and
//! its published evaluation): boxes match from intersection over union 0.5 on, and faces that are not asked for are
//! ignored.

mod curve;
mod matching;
mod table;

pub use curve::CurvePoint;
pub use table::FinderTable;

use super::{FindConfig, Finder, FoundFace, LEAST_CANDIDATE};
use crate::error::Result;
use candle_vision_helpers::{Affine, Point, Rect};
use curve::{average_precision, curve};
use facekp_data::BoxedPhotos;
use image::RgbImage;
use matching::{Candidate, Judged, Verdict, judge, side};
use serde::Serialize;
use std::collections::BTreeMap;

/// Intersection over union from which a found face is the annotated one.
const LEAST_OVERLAP: f64 = 0.5;
/// Where one class of sizes ends and the next begins, pixels.
const EDGES: [f64; 7] = [0.0, 8.0, 16.0, 24.0, 32.0, 64.0, 128.0];
/// Least sizes for which precision and recall are drawn and averaged, pixels.
const LIMITS: [u32; 4] = [16, 24, 32, 64];

/// What counts, in words.
const CRITERION: &str = "A face is found if intersection over union of the boxes is 0.5 or more, each annotated face \
    once; all else that is reported is a false alarm. Size: root of the box's area, pixels of the photo; a false alarm \
    counts in its own size. Faces below a least size are ignored: neither missed nor, if found, false alarms; what is \
    no annotated face is a false alarm whatever its size.";

/// Annotated faces of a size and what was reported with the default score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SizePart {
    /// Least size, pixels.
    pub from: f64,
    /// Size that is too large already, pixels; none: any size.
    pub to: Option<f64>,
    /// Annotated faces.
    pub faces: usize,
    /// Annotated faces that were found.
    pub found: usize,
    /// Reported faces that are none of the annotated ones, or one for the second time.
    pub false_alarms: usize,
    /// Found of the annotated ones; none where there are none.
    pub recall: Option<f64>,
    /// Found of the reported ones; none where nothing was reported.
    pub precision: Option<f64>,
}

impl SizePart {
    fn new(from: f64, to: Option<f64>, faces: usize, found: usize, false_alarms: usize) -> Self {
        let part = |of: usize| (of > 0).then(|| found as f64 / of as f64);
        let (recall, precision) = (part(faces), part(found + false_alarms));
        Self { from, to, faces, found, false_alarms, recall, precision }
    }
}

/// How well a face finder does on photos.
#[must_use]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FinderSummary {
    /// What was looked at, in words.
    pub data: String,
    /// What counts as found, in words.
    pub criterion: String,
    /// The score above which a face is reported, except for curves and average precision.
    pub score: f64,
    /// The smallest face that was looked for, pixels; none: a twenty-fifth of each photo's shorter side.
    pub smallest: Option<f64>,
    /// Photos that were looked at.
    pub pictures: usize,
    /// Annotated faces.
    pub faces: usize,
    /// Annotated faces that were found.
    pub found: usize,
    /// Reported faces that are none of the annotated ones, or one for the second time.
    pub false_alarms: usize,
    /// Every annotated and every reported face, in the class of its size.
    pub by_size: Vec<SizePart>,
    /// Faces from a least size on, the others ignored.
    pub at_least: Vec<SizePart>,
    /// Area under the curve by least size, pixels; none where there are no such faces.
    pub average_precision: BTreeMap<u32, Option<f64>>,
    /// Precision and recall by least size, pixels, from the greatest score to the least.
    #[serde(skip)]
    pub curves: BTreeMap<u32, Vec<CurvePoint>>,
}

impl FinderSummary {
    /// Adds up what was judged; `truth` are the sides of all annotated faces.
    fn of(truth: &[f64], judged: &[Judged]) -> Self {
        let score = FindConfig::default().least_score;
        let reported: Vec<Judged> = judged.iter().filter(|j| j.score > score).copied().collect();
        let count = |n: &dyn Fn(f64) -> bool| truth.iter().filter(|side| n(**side)).count();
        let hits = |n: &dyn Fn(f64) -> bool| {
            reported.iter().filter(|j| matches!(j.verdict, Verdict::Hit { truth } if n(truth))).count()
        };
        let by_size = (0..EDGES.len()).map(|i| {
            let (from, to) = (EDGES[i], EDGES.get(i + 1).copied());
            let within = |side: f64| side >= from && to.is_none_or(|to| side < to);
            let wrong = |j: &&Judged| !matches!(j.verdict, Verdict::Hit { .. }) && within(j.side);
            SizePart::new(from, to, count(&within), hits(&within), reported.iter().filter(wrong).count())
        });
        let at_least = LIMITS.map(f64::from).map(|from| {
            let enough = |side: f64| side >= from;
            let wrong = |j: &&Judged| match j.verdict {
                Verdict::Hit { .. } => false,
                Verdict::Again { truth } => enough(truth),
                Verdict::Nothing => true,
            };
            SizePart::new(from, None, count(&enough), hits(&enough), reported.iter().filter(wrong).count())
        });
        let faces = |least: u32| count(&|side| side >= f64::from(least));
        let curves: BTreeMap<_, _> =
            LIMITS.iter().map(|&least| (least, curve(judged, f64::from(least), faces(least)))).collect();
        let area =
            |(&least, curve): (&u32, &Vec<CurvePoint>)| (least, (faces(least) > 0).then(|| average_precision(curve)));
        let found = hits(&|_| true);
        Self {
            data: String::new(),
            criterion: CRITERION.into(),
            score,
            smallest: None,
            pictures: 0,
            faces: truth.len(),
            found,
            false_alarms: reported.len() - found,
            by_size: by_size.collect(),
            at_least: at_least.to_vec(),
            average_precision: curves.iter().map(area).collect(),
            curves,
        }
    }
}

/// Looks for the faces of all `photos` as [`Finder::find`] does and compares; `each` is called after each photo.
///
/// Faces below the default score serve the curves alone, down to the least score that the finder looks at.
///
/// # Errors
/// When a picture cannot be read, or a tensor operation fails.
pub fn measure_finder(
    finder: &Finder,
    photos: &BoxedPhotos,
    smallest: Option<f64>,
    each: &mut dyn FnMut(),
) -> Result<FinderSummary> {
    let (mut truth, mut judged) = (Vec::new(), Vec::new());
    for photo in photos.photos() {
        let picture = photo.load()?;
        let found = candidates(finder, &picture.image, smallest.map(|side| side * picture.to_image.scale()))?;
        let place =
            |f: &FoundFace| Candidate { bounds: before(&picture.to_image, f.bounds), score: f64::from(f.score) };
        judged.extend(judge(&photo.faces, found.iter().map(place).collect()));
        truth.extend(photo.faces.iter().map(|bounds| side(*bounds)));
        each();
    }
    let (data, pictures) = (photos.describe(), photos.photos().len());
    Ok(FinderSummary { data, pictures, smallest, ..FinderSummary::of(&truth, &judged) })
}

/// The faces that are found with the default score, and below it those that were seen in the same look.
fn candidates(finder: &Finder, picture: &RgbImage, smallest: Option<f64>) -> Result<Vec<FoundFace>> {
    let default = FindConfig { smallest, ..FindConfig::default() };
    let all = finder.find(picture, &FindConfig { least_score: LEAST_CANDIDATE, ..default })?;
    if all.iter().any(|f| f64::from(f.score) > default.least_score) {
        return Ok(all);
    }
    // a doubtful face ended the search, which goes on by default
    let found = finder.find(picture, &default)?;
    Ok(if found.is_empty() { all } else { found })
}

/// Bounds in original pixels.
fn before(to_image: &Affine, b: Rect) -> Rect {
    let (from, to) =
        (to_image.unapply(Point::new(b.x, b.y)), to_image.unapply(Point::new(b.x + b.width, b.y + b.height)));
    Rect::new(from.x, from.y, to.x - from.x, to.y - from.y)
}

#[cfg(test)]
mod tests;

//! Fits the boxes of a scheme's points around found faces, on a dataset's faces, upright and turned.

use super::{FindConfig, Finder, FoundFace, boxes, showing, upright_box};
use crate::error::Result;
use candle_vision_helpers::{
    Affine, Point, Rect, Size,
    convert::to_rgb,
    warp::{Channels, warp},
};
use facekp_data::{Dataset, Frame, Sample};
use facekp_models::BoxFit;

/// Faces are turned by up to this many degrees, to either side.
const MOST_TURN: f64 = 180.0;
/// The golden ratio's fractional part: multiples of it are spread evenly over 0..1.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Fits the map on samples `indices` of `data`, each as it is and once turned; faces that are not found are left out.
///
/// # Errors
/// When a picture cannot be read, or nothing is found.
pub fn fit_boxes(finder: &Finder, data: &dyn Dataset, indices: &[usize]) -> Result<BoxFit> {
    let (mut pairs, mut standing) = (Vec::new(), Vec::new());
    for (n, &i) in indices.iter().enumerate() {
        let sample = data.get(i)?;
        let turn = ((n as f64 * GOLDEN).fract() * 2.0 - 1.0) * MOST_TURN;
        for degrees in [0.0, turn] {
            let found = found(finder, &sample, degrees)?;
            let still = found.as_ref().filter(|_| degrees == 0.0);
            standing.extend(still.map(|(face, _)| (face.clone(), Size::of(&sample.image).area())));
            pairs.extend(found);
        }
    }
    let fit = boxes::fit(&pairs, format!("{}, {} faces, upright and turned", data.describe(), indices.len()))?;
    let picture = if data.frame() == Frame::Picture { Some(picture(&standing, &fit)?) } else { None };
    Ok(BoxFit { picture, ..fit })
}

/// Where whole pictures lie on average about the boxes that `fit` gives of the faces in them.
fn picture(standing: &[(FoundFace, Rect)], fit: &BoxFit) -> Result<[f64; 4]> {
    let mut mean = [0.0; 4];
    for (face, picture) in standing {
        let face = upright_box(face, fit)?.face;
        let (size, from, to) = ((face.width * face.height).sqrt(), face.center(), picture.center());
        let place = [to.x - from.x, to.y - from.y, picture.width, picture.height];
        mean.iter_mut().zip(place).for_each(|(sum, v)| *sum += v / size / standing.len() as f64);
    }
    Ok(mean)
}

/// The sample's face as it is found in its picture turned by `degrees`, and its points there.
fn found(finder: &Finder, sample: &Sample, degrees: f64) -> Result<Option<(FoundFace, Vec<Point>)>> {
    let size = Size::of(&sample.image);
    let turn = Affine::rotation_scale(size.area().center(), degrees.to_radians(), 1.0);
    let Ok(turn) = turn else { return Ok(None) };
    let picture = if degrees == 0.0 { None } else { Some(to_rgb(&warp(&sample.image, &turn, size, Channels::Rgb))) };
    let faces = finder.find(picture.as_ref().unwrap_or(&sample.image), &FindConfig::default())?;
    let map = sample.to_image.then(&turn);
    let points: Vec<Point> = sample.points.annotated().map(|p| map.apply(p)).collect();
    Ok(showing(&faces, &points).cloned().map(|face| (face, points)))
}

//! Faces with their points: annotated ones blue, predicted ones red.

use crate::error::{Error, Result};
use candle_vision_helpers::warp::{Channels, warp};
use candle_vision_helpers::{Affine, Point, Rect, Size, convert, draw};
use facekp_data::{Batch, Keypoints, Sample, Scheme, ViewSpec, scheme::Outline};
use image::RgbImage;
use ndarray::{Array3, Axis};
use std::sync::Arc;

/// A face that is smaller than this part of the picture gets thinner lines, and points that leave it to be seen.
const USUAL_PART: f64 = 1.0 / 3.0;

/// The colors of tracks, in turn.
const TRACKS: [draw::Color; 8] = [
    [255, 70, 60],
    [60, 170, 255],
    [90, 220, 80],
    [255, 190, 30],
    [220, 90, 255],
    [40, 220, 210],
    [255, 130, 180],
    [190, 200, 90],
];
/// Cells between a label's top and what stands below it.
const LABEL: u32 = 9;

/// Draws points and the outlines of their groups, sized in proportion to the picture, or to a small face: truth blue,
/// prediction red above it. Points are in the pixels of `picture`.
pub fn overlay(picture: &mut RgbImage, scheme: &Scheme, predicted: Option<&[Point]>, truth: Option<&Keypoints>) {
    let points = predicted.or(truth.map(Keypoints::points));
    let (radius, thickness) = strokes(picture, scheme, points);
    if let (Some(p), Some(t)) = (predicted, truth)
        && scheme.len() < 5
    {
        for ((p, t), _) in p.iter().zip(t.points()).zip(t.visible()).filter(|(_, v)| **v) {
            draw::line(picture, *p, *t, thickness, [250, 220, 40]);
        }
    }
    if let Some(truth) = truth {
        shape(picture, scheme, truth.points(), truth.visible(), (radius, thickness), draw::BLUE);
    }
    if let Some(points) = predicted {
        shape(picture, scheme, points, &vec![true; points.len()], (radius, thickness), draw::RED);
    }
}

/// The radius of points and the thickness of lines, pixels: in proportion to the picture, or to a small face.
fn strokes(picture: &RgbImage, scheme: &Scheme, points: Option<&[Point]>) -> (f64, f64) {
    let face = points.and_then(Rect::around).filter(|_| scheme.len() >= 5);
    let picture_side = f64::from(picture.width().min(picture.height()));
    let side = face.map_or(picture_side, |r| picture_side.min(r.width.max(r.height) / USUAL_PART));
    let least = if side < picture_side { (0.6, 0.5) } else { (1.2, 0.8) };
    // Few points need to be seen, many must not hide the face.
    let share = if scheme.len() < 5 { 70.0 } else { (25.0 * (scheme.len() as f64).sqrt()).min(180.0) };
    let radius = (side / share).max(least.0);
    let thickness = (side / 420.0).max(least.1);
    (radius, thickness)
}

/// Draws the points of a face that is tracked, with the outlines of their groups and its id, in the color of its id.
/// Points are in the pixels of `picture`.
pub fn tracked(picture: &mut RgbImage, scheme: &Scheme, points: &[Point], id: u64) {
    let color = TRACKS[(id.saturating_sub(1) % TRACKS.len() as u64) as usize];
    let (radius, thickness) = strokes(picture, scheme, Some(points));
    shape(picture, scheme, points, &vec![true; points.len()], (radius, thickness), color);
    let Some(face) = Rect::around(points).filter(|r| [r.x, r.y].iter().all(|v| v.abs() < 1e6)) else { return };
    let size = (face.width.max(face.height) / 50.0).clamp(1.0, 8.0) as u32;
    let above = f64::from(LABEL * size) + 2.0 * radius;
    draw::text(picture, (face.x as i64, (face.y - above) as i64), size, color, &id.to_string());
}

fn shape(
    picture: &mut RgbImage,
    scheme: &Scheme,
    points: &[Point],
    visible: &[bool],
    (radius, thickness): (f64, f64),
    color: draw::Color,
) {
    let shown = |i: usize| points.get(i).copied().filter(|_| visible.get(i).copied().unwrap_or(false));
    for group in scheme.groups() {
        let (start, last) = (group.points.start, group.points.end.saturating_sub(1));
        let line = if group.outline == Outline::None { start..start } else { start..last };
        let closing = (group.outline == Outline::Closed).then_some((last, start));
        let edges = line.map(|i| (i, i + 1)).chain(closing);
        for (a, b) in edges.filter_map(|(a, b)| shown(a).zip(shown(b))) {
            draw::line(picture, a, b, thickness, color);
        }
    }
    for p in (0..points.len()).filter_map(shown) {
        draw::disc(picture, p, radius, color);
    }
}

/// The part of a sample's picture about the face and the points given, `side` pixels long, with the points drawn:
/// predicted ones and annotated ones, both in original pixels.
///
/// # Errors
/// When the face box has no area.
pub fn face_picture(
    sample: &Sample,
    predicted: Option<&[Point]>,
    truth: Option<&Keypoints>,
    side: usize,
) -> Result<RgbImage> {
    let all = predicted.unwrap_or_default().iter().copied().chain(truth.iter().flat_map(|t| t.annotated()));
    let part = region(sample.face, all, sample.original.area());
    let scale = side as f64 / part.width.max(part.height);
    let long = |v: f64| ((v * scale).round() as usize).max(1);
    let size = Size::new(long(part.width), long(part.height));
    let map = Affine::rect_to_size(part, size).map_err(|e| Error::plot(&sample.id, e))?;
    let mut picture = convert::to_rgb(&warp(&sample.image, &sample.to_image.inverse().then(&map), size, Channels::Rgb));
    let moved: Option<Vec<Point>> = predicted.map(|p| p.iter().map(|q| map.apply(*q)).collect());
    overlay(&mut picture, sample.points.scheme(), moved.as_deref(), truth.map(|t| t.transformed(&map)).as_ref());
    Ok(picture)
}

/// A face box with room around it, and all points that are not hopelessly far away, within the picture.
fn region(face: Rect, points: impl Iterator<Item = Point>, picture: Rect) -> Rect {
    let (about, far) = (face.square(1.5), face.square(4.0));
    let inside = |p: &Point, r: Rect| p.x >= r.x && p.y >= r.y && p.x <= r.x + r.width && p.y <= r.y + r.height;
    let corner = |r: Rect| [Point::new(r.x, r.y), Point::new(r.x + r.width, r.y + r.height)];
    let kept: Vec<Point> = points.filter(|p| inside(p, far)).chain(corner(about)).collect();
    let r = Rect::around(&kept).unwrap_or(about);
    let (x0, y0) = (r.x.max(picture.x), r.y.max(picture.y));
    let (x1, y1) = ((r.x + r.width).min(picture.x + picture.width), (r.y + r.height).min(picture.y + picture.height));
    if x1 > x0 && y1 > y0 { Rect::new(x0, y0, x1 - x0, y1 - y0) } else { picture }
}

/// View `i` of a batch as the network sees it, enlarged to about `side` pixels, with its points.
///
/// # Errors
/// When the batch has no such view.
pub(crate) fn view_picture(
    batch: &Batch,
    i: usize,
    spec: &ViewSpec,
    scheme: &Arc<Scheme>,
    side: usize,
) -> Result<RgbImage> {
    let view = plain_view(batch, i, spec)?;
    let times = (side as f64 / f64::from(view.width().max(view.height()))).round().max(1.0) as u32;
    let mut picture = super::enlarge(&view, times);
    let (points, weights) = (batch.points.get(i)?.to_vec2::<f32>()?, batch.weights.get(i)?.to_vec1::<f32>()?);
    let grown = |v: f32| (f64::from(v) + 0.5) * f64::from(times) - 0.5;
    let points = points.iter().map(|p| Point::new(grown(p[0]), grown(p[1]))).collect();
    let truth = Keypoints::new(scheme, points).map(|mut k| {
        (0..weights.len()).filter(|&p| weights[p] == 0.0).for_each(|p| k.hide(p));
        k
    });
    overlay(&mut picture, scheme, None, truth.as_ref());
    Ok(picture)
}

/// View `i` of a batch, its normalization undone.
///
/// # Errors
/// When the batch has no such view.
pub(crate) fn plain_view(batch: &Batch, i: usize, spec: &ViewSpec) -> Result<RgbImage> {
    let (channels, h, w) = batch.images.get(i)?.dims3()?;
    let values = batch.images.get(i)?.flatten_all()?.to_vec1::<f32>()?;
    let mut planes = Array3::from_shape_vec((channels, h, w), values).map_err(|e| Error::plot("a view", e))?;
    for ((mut plane, mean), std) in planes.axis_iter_mut(Axis(0)).zip(&spec.mean).zip(&spec.std) {
        plane.mapv_inplace(|v| v * std + mean);
    }
    Ok(convert::to_rgb(&planes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use facekp_data::scheme::NOSE_1;

    #[test]
    fn prediction_is_red_and_truth_blue() {
        let mut picture = RgbImage::new(140, 140);
        let truth = Keypoints::new(&NOSE_1, vec![Point::new(100.0, 40.0)]).unwrap();
        overlay(&mut picture, &NOSE_1, Some(&[Point::new(30.0, 40.0)]), Some(&truth));
        assert_eq!(picture.get_pixel(30, 40).0, draw::RED);
        assert_eq!(picture.get_pixel(100, 40).0, draw::BLUE);
        assert_eq!(picture.get_pixel(30, 60).0, [0; 3]);
    }

    #[test]
    fn tracks_have_their_colors_and_their_ids_above_them() {
        for (id, color) in [(1, TRACKS[0]), (2, TRACKS[1]), (9, TRACKS[0])] {
            let mut picture = RgbImage::new(140, 140);
            tracked(&mut picture, &NOSE_1, &[Point::new(60.0, 80.0)], id);
            assert_eq!(picture.get_pixel(60, 80).0, color);
            let label = picture.enumerate_pixels().filter(|(_, y, p)| *y < 76 && p.0 == color).count();
            assert!((5..30).contains(&label), "{id}: {label}");
        }
        tracked(&mut RgbImage::new(9, 9), &NOSE_1, &[Point::new(f64::NAN, 1e300)], 3);
        tracked(&mut RgbImage::new(9, 9), &NOSE_1, &[], 0);
    }

    #[test]
    fn hidden_truth_is_neither_drawn_nor_joined_to() {
        let (mut one, mut two) = (RgbImage::new(140, 140), RgbImage::new(140, 140));
        let mut truth = Keypoints::new(&NOSE_1, vec![Point::new(100.0, 40.0)]).unwrap();
        truth.hide(0);
        overlay(&mut one, &NOSE_1, Some(&[Point::new(30.0, 40.0)]), Some(&truth));
        overlay(&mut two, &NOSE_1, Some(&[Point::new(30.0, 40.0)]), None);
        assert_eq!(one, two);
    }

    #[test]
    fn the_part_shown_holds_near_points_and_leaves_out_lost_ones() {
        let face = Rect::new(100.0, 100.0, 100.0, 100.0);
        let area = Size::new(1000, 800).area();
        let near = region(face, [Point::new(300.0, 150.0)].into_iter(), area);
        assert!(near.x + near.width >= 300.0 && near.width < 400.0, "{near:?}");
        let lost = region(face, [Point::new(990.0, 790.0)].into_iter(), area);
        assert_eq!(lost, face.square(1.5));
    }

    /// The points of a face of 33 pixels, eyes to mouth, in a photo.
    #[test]
    fn few_points_of_a_small_face_can_be_seen() {
        let scheme = Scheme::from_toml("five.toml".as_ref(), "name = \"five\"\npoints = 5\n").unwrap();
        let points = [(0.0, 0.0), (33.0, 0.0), (16.0, 15.0), (2.0, 30.0), (31.0, 30.0)];
        let points = points.map(|(x, y)| Point::new(100.0 + x, 200.0 + y));
        let mut picture = RgbImage::new(400, 500);
        overlay(&mut picture, &scheme, Some(&points), None);
        let red = picture.pixels().filter(|p| p.0[0] > 128).count();
        assert!((5 * 7..5 * 20).contains(&red), "{red}");
    }
}

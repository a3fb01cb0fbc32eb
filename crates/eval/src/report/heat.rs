//! Heatmaps on the page: what the network should show, what it shows, the points read from it, and the sum of all
//! maps.

use super::{
    album::{Album, As},
    html::Html,
    run::Run,
};
use crate::error::Result;
use crate::stats::spread;
use crate::visualize::{self, map_picture, plain_view};
use candle_core::Tensor;
use candle_vision_helpers::heatmap::{Blend, render_gaussian};
use candle_vision_helpers::{Point, Size, draw};
use facekp_data::{Batch, Keypoints};
use image::RgbImage;

const FACES: usize = 4;
const SIDE: usize = 224;
/// The spread of the summed map, in pixels of a view 256 pixels wide.
const SUM_SIGMA: f64 = 12.0;

/// Nothing for networks without maps.
pub(crate) fn render(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    let indices = spread(&run.input.val, FACES);
    if indices.is_empty() {
        return Ok(());
    }
    let batch = run.predictor.views(run.input.data.as_ref(), &indices)?;
    let (Some(shown), Some(target)) = (run.predictor.maps(&batch)?, run.predictor.target_maps(&batch)?) else {
        return Ok(());
    };
    h.leaf("h3", &[], "Heatmaps");
    let mut tiles = Vec::new();
    for i in 0..batch.items.len() {
        let view = plain_view(&batch, i, &run.predictor.task().view)?;
        let (shown, target) = (shown.get(i)?, target.get(i)?);
        tiles.push(points(run, &batch, i)?);
        tiles.push(visualize::heat_picture(&view, &target, SIDE)?);
        tiles.push(visualize::heat_picture(&view, &shown, SIDE)?);
        tiles.push(map_picture(&summed_target(&batch, i)?, SIDE)?);
        tiles.push(map_picture(&shown.sum_keepdim(0)?.clamp(0f32, 1f32)?, SIDE)?);
    }
    let caption = "One validation face a row. From the left: the view with annotation (blue) and points read from the maps (red); the maps it should show; \
                   the maps it shows; the sum of Gaussians around all points (σ 12 pixels of a view 256 pixels wide); the sum of all maps it shows.";
    album.picture(
        h,
        "heatmaps",
        &draw::grid(&tiles, 5, 6),
        As::Jpeg,
        "Target maps, output maps and summed maps of validation faces",
        caption,
    )
}

/// The view with truth and, where the maps name points, the decoded points.
fn points(run: &Run, batch: &Batch, i: usize) -> Result<RgbImage> {
    let scheme = run.input.data.scheme();
    let mut picture = visualize::view_picture(batch, i, &run.predictor.task().view, scheme, SIDE)?;
    if let Some(found) = &run.found
        && let Some(p) = found.predictions.iter().find(|p| p.index == batch.items[i].index)
    {
        let times = f64::from(picture.width()) / run.predictor.task().view.width as f64;
        let grown = |q: Point| Point::new((q.x + 0.5) * times - 0.5, (q.y + 0.5) * times - 0.5);
        let points: Vec<Point> = p.points.iter().map(|q| grown(batch.items[i].to_view.apply(*q))).collect();
        visualize::overlay(&mut picture, scheme, Some(&points), None::<&Keypoints>);
    }
    Ok(picture)
}

/// The sum of Gaussians around all annotated points, clamped to 1, `(1, H, W)` of the view.
fn summed_target(batch: &Batch, i: usize) -> Result<Tensor> {
    let (_, height, width) = batch.images.get(i)?.dims3()?;
    let (points, weights) = (batch.points.get(i)?.to_vec2::<f32>()?, batch.weights.get(i)?.to_vec1::<f32>()?);
    let sigma = SUM_SIGMA * width as f64 / 256.0;
    let mut map = vec![0f32; width * height];
    for (p, _) in points.iter().zip(&weights).filter(|(_, w)| **w > 0.0) {
        let center = Point::new(f64::from(p[0]), f64::from(p[1]));
        render_gaussian(&mut map, Size::new(width, height), center, sigma, Blend::Sum);
    }
    Ok(Tensor::from_vec(map, (1, height, width), batch.images.device())?.clamp(0f32, 1f32)?)
}

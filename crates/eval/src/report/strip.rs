//! The strip of pictures at the head of the page: what each network does with a face that is neither easy nor hard.

use super::{
    album::{Album, As},
    faces::ranked,
    html::Html,
    run::Run,
};
use crate::error::Result;
use crate::visualize;
use candle_vision_helpers::draw;
use image::RgbImage;

const SIDE: usize = 200;

/// A face for each network that names points: the one in the middle of all that are measured, by their errors.
pub(crate) fn render(h: &mut Html, runs: &[Run], album: &Album) -> Result<()> {
    let mut names = Vec::new();
    let mut tiles: Vec<RgbImage> = Vec::new();
    for run in runs {
        let Some(found) = &run.found else { continue };
        let order = ranked(found);
        let Some(&middle) = order.get(order.len() / 2) else { continue };
        let p = &found.predictions[middle];
        let sample = run.input.data.get(p.index)?;
        tiles.push(visualize::face_picture(&sample, Some(&p.points), Some(&sample.points), SIDE)?);
        names.push(run.name());
    }
    if tiles.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    let caption = format!("A face of middling error each: {names}.");
    let alt = format!("Predictions in red with annotations in blue, one face for each of {names}");
    album.picture(h, "strip", &draw::grid(&tiles, tiles.len(), 6), As::Jpeg, &alt, &caption)
}

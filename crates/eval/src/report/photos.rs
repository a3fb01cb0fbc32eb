//! User photos on the page: what each network finds in them.

use super::{
    album::{Album, As},
    faces::file_name,
    html::Html,
    run::Run,
};
use crate::error::Result;
use crate::visualize;
use candle_vision_helpers::{Point, Rect, draw};
use facekp_data::Crop;
use image::RgbImage;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Largest side of a photo on the page, pixels.
const SIDE: u32 = 640;

/// Writes the section.
pub(crate) fn render(h: &mut Html, photos: &[PathBuf], runs: &[Run], album: &Album) -> Result<()> {
    let mut done = Ok(());
    h.el("section", &[("id", "photos")], |h| {
        h.leaf("h2", &[], "Your photos");
        h.leaf("p", &[], "Photos without annotations. The green box is where a network that looks at faces looked last: the one among many boxes whose points confirm it best.");
        done = photos.iter().enumerate().try_for_each(|(i, path)| photo(h, i, path, runs, album));
    });
    done
}

fn photo(h: &mut Html, i: usize, path: &Path, runs: &[Run], album: &Album) -> Result<()> {
    let name = file_name(path);
    h.leaf("h3", &[], &name);
    // Positions are only drawn here, in the pixels of what is drawn on.
    let picture = match facekp_data::picture::load_photo(path) {
        Ok(photo) => {
            if let Some(lack) = &photo.lack {
                tracing::warn!("{}: expected a whole picture, got {lack}", path.display());
                h.leaf("p", &[], &format!("Not whole: {lack}."));
            }
            photo.image
        }
        Err(e) => {
            tracing::error!("{e}");
            h.leaf("p", &[], &format!("Cannot be shown: {e}."));
            return Ok(());
        }
    };
    let mut done = Ok(());
    h.el("div", &[("class", "row")], |h| {
        done = runs.iter().filter(|r| r.predictor.has_points()).try_for_each(|run| {
            let found = run.predictor.locate(Arc::clone(&picture), None)?;
            let (mut shown, scale) = shrunk(&picture);
            let small = |p: Point| Point::new((p.x + 0.5) * scale - 0.5, (p.y + 0.5) * scale - 0.5);
            if matches!(run.predictor.task().view.crop, Crop::Face { .. }) {
                let corner = small(Point::new(found.face.x, found.face.y));
                let face = Rect::new(corner.x, corner.y, found.face.width * scale, found.face.height * scale);
                draw::rect(&mut shown, face, 2.0, draw::GREEN);
            }
            let points: Vec<Point> = found.points.iter().map(|p| small(*p)).collect();
            visualize::overlay(&mut shown, run.input.data.scheme(), Some(&points), None);
            let doubt = if found.is_doubtful() {
                " Doubtful: no box was found that its own points confirm, or the confidence stays low."
            } else {
                ""
            };
            let sure = found.mean_confidence().map_or_else(|| "–".to_owned(), |c| format!("{c:.2}"));
            let sure = format!(", mean confidence {sure}");
            let caption = format!("{}{sure}.{doubt}", run.name());
            let alt = format!("{name} with the points that {} predicts", run.name());
            album.picture(h, &format!("{}-{}", i + 1, run.name()), &shown, As::Jpeg, &alt, &caption)?;
            let Some(heat) = run.predictor.photo_heat(Arc::clone(&picture), found.face, 448)? else { return Ok(()) };
            let (alt, caption) = (
                format!("Heatmaps of {} over {name}", run.name()),
                format!("{}: its maps over what it saw.", run.name()),
            );
            album.picture(h, &format!("{}-{}-maps", i + 1, run.name()), &heat, As::Jpeg, &alt, &caption)
        });
    });
    done
}

fn shrunk(picture: &RgbImage) -> (RgbImage, f64) {
    let scale = (f64::from(SIDE) / f64::from(picture.width().max(picture.height()))).min(1.0);
    (candle_vision_helpers::warp::shrink(picture, scale).0, scale)
}

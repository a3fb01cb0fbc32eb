//! User photos on the page: what each network finds in them.

use super::{
    Photos,
    album::{Album, As},
    faces::file_name,
    fit::LIMIT,
    html::{Html, What},
    run::Run,
};
use crate::error::Result;
use crate::finder::Finder;
use crate::predict::{Flip, Located, PhotoReader, Wanted};
use crate::visualize;
use candle_vision_helpers::{Affine, Point, Size, draw};
use facekp_data::Picture;
use image::RgbImage;
use std::path::{Path, PathBuf};

/// Largest side of a photo on the page, pixels.
const SIDE: u32 = 640;

/// Photos are drawn until the page has so many bytes: even at the least quality they do not all fit then.
const MOST: usize = 4 * LIMIT;

/// Writes the section.
pub(crate) fn render(h: &mut Html, photos: &Photos, runs: &[Run], album: &Album) -> Result<()> {
    let mut done = Ok(());
    h.el("section", &[("id", "photos")], |h| {
        h.leaf("h2", &[], "Your photos");
        h.leaf(
            "p",
            &[],
            "Photos without annotations. The face finder says where the faces are and which way up; each network looks \
             at every face in its green box.",
        );
        let finder = photos.finder.as_ref();
        done = blocks(h, &photos.files, MOST, |h, i, path| photo(h, i, path, finder, (runs, album)));
    });
    done
}

/// A block for each photo, as `draw` makes it, until the page has more than `most` bytes.
fn blocks(
    h: &mut Html,
    files: &[PathBuf],
    most: usize,
    mut draw: impl FnMut(&mut Html, usize, &Path) -> Result<()>,
) -> Result<()> {
    let mut bytes = h.bytes();
    for (i, path) in files.iter().enumerate() {
        if bytes > most {
            h.missing(What::Photos(files.len() - i, file_name(path)));
            break;
        }
        let mut block = Html::default();
        draw(&mut block, i, path)?;
        bytes += block.bytes();
        h.optional(block, Html::default(), What::Photos(1, file_name(path)));
    }
    Ok(())
}

fn photo(h: &mut Html, i: usize, path: &Path, finder: Option<&Finder>, (runs, album): (&[Run], &Album)) -> Result<()> {
    let name = file_name(path);
    h.leaf("h3", &[], &name);
    // Positions are only drawn here, in the pixels of what is drawn on.
    let picture = match facekp_data::picture::load_photo(path) {
        Ok(photo) => {
            if let Some(lack) = &photo.lack {
                tracing::warn!("{}: expected a whole picture, got {lack}", path.display());
                h.leaf("p", &[], &format!("Not whole: {lack}."));
            }
            Picture { original: Size::of(&photo.image), to_image: Affine::IDENTITY, ..photo }
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
            let reader = PhotoReader { predictor: &run.predictor, finder, flip: Flip::Averaged };
            let faces = match reader.faces(std::slice::from_ref(&picture), &Wanted::default()) {
                Ok(mut faces) => faces.pop().unwrap_or_default(),
                Err(e) => {
                    h.leaf("p", &[], &format!("{}: {e}.", run.name()));
                    return Ok(());
                }
            };
            let shown = drawn(&picture.image, run, &faces);
            let alt = format!("{name} with the points that {} predicts", run.name());
            album.picture(h, &format!("{}-{}", i + 1, run.name()), &shown, As::Jpeg, &alt, &caption(run, &faces))?;
            let Some(face) = faces.first() else { return Ok(()) };
            let Some(heat) = run.predictor.photo_heat(&picture.image, &face.place, 448)? else { return Ok(()) };
            let (alt, caption) = (
                format!("Heatmaps of {} over {name}", run.name()),
                format!("{}: its maps over what it saw of the surest face.", run.name()),
            );
            album.picture(h, &format!("{}-{}-maps", i + 1, run.name()), &heat, As::Jpeg, &alt, &caption)
        });
    });
    done
}

/// The photo with the boxes and points of its faces.
fn drawn(picture: &RgbImage, run: &Run, faces: &[Located]) -> RgbImage {
    let (mut shown, scale) = shrunk(picture);
    let small = |p: Point| Point::new((p.x + 0.5) * scale - 0.5, (p.y + 0.5) * scale - 0.5);
    for face in faces {
        let corners = face.corners().map(small);
        for (a, b) in corners.into_iter().zip(corners.into_iter().cycle().skip(1)) {
            draw::line(&mut shown, a, b, 1.5, draw::GREEN);
        }
        let points: Vec<Point> = face.points.iter().map(|p| small(*p)).collect();
        visualize::overlay(&mut shown, run.input.data.scheme(), Some(&points), None);
    }
    shown
}

fn caption(run: &Run, faces: &[Located]) -> String {
    let doubtful: Vec<String> = faces.iter().filter_map(Located::doubt).collect();
    let doubt = match &doubtful[..] {
        [] => String::new(),
        [one] => format!(" One is doubtful: {one}."),
        [first, ..] => format!(" {} are doubtful, the first: {first}.", doubtful.len()),
    };
    match faces.len() {
        0 => format!("{}: no face was found.", run.name()),
        1 => format!("{}: one face.{doubt}", run.name()),
        n => format!("{}: {n} faces.{doubt}", run.name()),
    }
}

fn shrunk(picture: &RgbImage) -> (RgbImage, f64) {
    let scale = (f64::from(SIDE) / f64::from(picture.width().max(picture.height()))).min(1.0);
    (candle_vision_helpers::warp::shrink(picture, scale).0, scale)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::fit::fit;

    #[test]
    fn photos_behind_those_that_fill_the_page_are_not_looked_at() {
        let files: Vec<PathBuf> = (0..100_000).map(|i| format!("in/{i}.jpg").into()).collect();
        let (mut h, mut drawn) = (Html::default(), 0);
        let block = |h: &mut Html, i: usize, path: &Path| {
            drawn = i + 1;
            h.leaf("h3", &[], &file_name(path)).markup(&"x".repeat(1000));
            Ok(())
        };
        blocks(&mut h, &files, 50_000, block).unwrap();
        let text = fit(h, 30_000).unwrap();
        // blocks of 1000 x and a heading of 15 or 16 bytes: 49 have 49 774, 50 have 50 790
        assert_eq!(drawn, 50);
        let shown = text.matches("<h3>").count();
        assert!(text.len() <= 30_000 && shown >= 25, "{} {shown}", text.len());
        assert!(!text.contains(&format!("<h3>{shown}.jpg")));
    }
}

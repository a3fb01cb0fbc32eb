//! Pictures of faces on the page: samples as they are and as the network sees them, the best and the worst predictions.

use super::{
    album::{Album, As},
    html::Html,
    numbers::number,
    run::{Found, Run},
};
use crate::error::Result;
use crate::stats::spread;
use crate::visualize;
use candle_vision_helpers::draw;
use facekp_data::{Loader, LoaderConfig};
use std::path::Path;

const SAMPLES: usize = 8;

/// Training samples: the originals, and what the network gets of them.
pub(crate) fn samples(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    h.leaf("h3", &[], "What it learns from");
    let (data, train) = (&run.input.data, spread(&run.input.train, SAMPLES));
    if train.is_empty() {
        return Ok(());
    }
    let tile = |&i: &usize| {
        let sample = data.get(i)?;
        visualize::face_picture(&sample, None, Some(&sample.points), 220)
    };
    let tiles = train.iter().map(tile).collect::<Result<Vec<_>>>()?;
    album.picture(
        h,
        "samples",
        &draw::grid(&tiles, 4, 6),
        As::Jpeg,
        "Training pictures with their annotated points",
        "Training pictures about the face, with the annotation.",
    )?;
    let plain = LoaderConfig::plain(run.predictor.task().view.clone(), train.len());
    let config = LoaderConfig { augment: Some(run.input.augment.clone()), seed: 1, ..plain };
    let loader = Loader::new(data.clone(), train, config)?;
    let Some(batch) = loader.epoch(0).next() else { return Ok(()) };
    let batch = batch?;
    let views = (0..batch.items.len())
        .map(|i| visualize::view_picture(&batch, i, &run.predictor.task().view, data.scheme(), 220))
        .collect::<Result<Vec<_>>>()?;
    album.picture(
        h,
        "views",
        &draw::grid(&views, 4, 6),
        As::Jpeg,
        "The same pictures as the network sees them in training",
        "The same pictures as the network sees them in training, enlarged: cropped, shrunk and changed at random; the points move along.",
    )
}

/// The two best and the two worst predictions.
pub(crate) fn best_and_worst(h: &mut Html, run: &Run, found: &Found, album: &Album) -> Result<()> {
    h.leaf("h3", &[], "Best and worst");
    let order = ranked(found);
    let best = order.iter().take(2).map(|i| ("best", *i));
    let worst = order.iter().rev().take(2).map(|i| ("worst", *i));
    let mut done = Ok(());
    h.el("div", &[("class", "pairs")], |h| {
        done = best.chain(worst).enumerate().try_for_each(|(n, (what, i))| {
            let (p, e) = (&found.predictions[i], &found.errors[i]);
            let sample = run.input.data.get(p.index)?;
            let picture = visualize::face_picture(&sample, Some(&p.points), Some(&sample.points), 480)?;
            let place = n % 2 + 1;
            let nme = e.nme.map(|n| format!(", NME {} %", number(Some(n), 100.0, 2))).unwrap_or_default();
            let subset =
                e.subset.as_deref().filter(|s| !e.id.starts_with(*s)).map(|s| format!(" ({s})")).unwrap_or_default();
            let rank = if place == 1 { what.to_owned() } else { format!("second {what}") };
            let caption = format!("The {rank}: {} px{nme}. {}{subset}.", number(Some(e.mean_px), 1.0, 2), e.id);
            let alt = format!("The {rank} prediction in red with the annotation in blue, picture {}", e.id);
            album.picture(h, &format!("{what}-{place}"), &picture, As::Jpeg, &alt, &caption)
        });
    });
    done
}

/// The measured faces, from the least error to the largest.
pub(crate) fn ranked(found: &Found) -> Vec<usize> {
    let mut order: Vec<usize> = (0..found.errors.len()).collect();
    // Pixels and fractions do not compare: one face with a hidden normalizer, and all are ranked by pixels.
    let by_nme = found.errors.iter().all(|e| e.nme.is_some());
    let key = |i: usize| found.errors[i].nme.filter(|_| by_nme).unwrap_or(found.errors[i].mean_px);
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    order
}

/// A file's name without its folders.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

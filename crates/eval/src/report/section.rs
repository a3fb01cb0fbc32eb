//! One run's section: what it learned from, how it went, how well it does, what it looks at.

use super::{
    album::{Album, As},
    faces, heat,
    html::Html,
    numbers,
    run::Run,
};
use crate::error::Result;
use crate::plot::{Axes, Bar, Series};
use crate::run_files::EpochRecord;
use crate::{tables, visualize};
use facekp_models::CodecConfig;

/// Writes the section.
pub(crate) fn render(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    let mut failed = Ok(());
    h.el("section", &[("id", album.prefix())], |h| failed = parts(h, run, album));
    failed
}

fn parts(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    h.leaf("h2", &[], run.name());
    h.leaf("p", &[], &facts(run));
    h.leaf("h3", &[], "Numbers");
    numbers::of_run(h, run)?;
    curves(h, run, album)?;
    faces::samples(h, run, album)?;
    if let Some(found) = &run.found {
        faces::best_and_worst(h, run, found, album)?;
        groups(h, run, album)?;
    }
    heat::render(h, run, album)?;
    inside(h, run, album)?;
    h.el("details", &[], |h| {
        h.leaf("summary", &[], "Recipe");
        h.el("pre", &[], |h| {
            h.leaf("code", &[], &run.recipe);
        });
    });
    Ok(())
}

fn facts(run: &Run) -> String {
    let manifest = &run.file.manifest;
    let view = &manifest.task.view;
    let network = manifest.task.model.title();
    let values: usize = run.file.tensors.values().map(candle_core::Tensor::elem_count).sum();
    let colors = if view.grey { "grey" } else { "color" };
    let codec = match &manifest.task.codec {
        CodecConfig::Regression => String::new(),
        CodecConfig::Heatmap(c) => format!(" One map cell is {} view pixels, σ {} cells.", c.stride, c.sigma),
    };
    format!(
        "{network}, {values} values in the weights file; sees {} × {} pixels, {colors}.{codec} Data: {}; {} training samples, {} in {}. Trained on: {}. Best checkpoint after epoch {}.",
        view.width,
        view.height,
        run.input.data.describe(),
        run.input.train.len(),
        run.input.val.len(),
        run.input.val_name,
        manifest.data,
        manifest.epoch,
    )
}

fn curves(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    h.leaf("h3", &[], "Training");
    let mut rows = Ok(());
    h.el("div", &[("class", "row")], |h| rows = curve_row(h, run, album));
    rows
}

fn curve_row(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    let series = |name: &str, f: fn(&EpochRecord) -> f64| Series {
        name: name.into(),
        points: run.history.iter().map(|e| (e.epoch as f64, f(e))).filter(|p| p.1.is_finite()).collect(),
    };
    let mut losses = vec![series("training", |e| e.train_loss), series("validation", |e| e.val_loss)];
    let values: Vec<f64> = losses.iter().flat_map(|s| s.points.iter().map(|p| p.1)).collect();
    let (least, most) =
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max));
    let log_y = least > 0.0 && most / least > 8.0;
    let axes = Axes {
        title: format!("{}: loss", run.name()),
        x: "epoch".into(),
        y: if log_y { "loss (logarithmic)" } else { "loss" }.into(),
        log_y,
    };
    if !values.is_empty() {
        losses.extend(seams(&run.history, least, most));
        let caption = "The loss of every epoch. Training views are augmented and seen while the network still changes, so the training loss can lie above the validation loss.";
        album.lines(h, "loss", &axes, &losses, caption)?;
    }
    let px = series("validation", |e| e.val_px);
    if !px.points.is_empty() {
        let axes = Axes {
            title: format!("{}: mean error", run.name()),
            x: "epoch".into(),
            y: "original pixels".into(),
            log_y: false,
        };
        let level = run.history.iter().map(|e| e.epoch as f64);
        let (from, to) = (level.clone().fold(f64::INFINITY, f64::min), level.fold(0.0, f64::max));
        let mut both = vec![px];
        // The mean shape is measured on the split of this page; a level of another split would mislead.
        if run.input.val_name == "val" {
            both.push(Series {
                name: "mean shape".into(),
                points: vec![(from, run.baseline.mean_px), (to, run.baseline.mean_px)],
            });
        }
        album.lines(
            h,
            "error",
            &axes,
            &both,
            "Mean distance on the validation split, in pixels of the original pictures.",
        )?;
    }
    Ok(())
}

/// An upright line wherever a resumed run was given another number of epochs: its learning rate may jump there.
fn seams(history: &[EpochRecord], least: f64, most: f64) -> Vec<Series> {
    let changes = history.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let (from, to) = (before.total_epochs?, after.total_epochs?);
        (from != to).then(|| Series {
            name: format!("{to} epochs instead of {from}"),
            points: [least, most].map(|y| (before.epoch as f64, y)).to_vec(),
        })
    });
    changes.collect()
}

fn groups(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    let Some(found) = &run.found else { return Ok(()) };
    h.leaf("h3", &[], "Where the errors are");
    let mut done = Ok(());
    h.el("div", &[("class", "row")], |h| done = group_row(h, run, found, album));
    done
}

fn group_row(h: &mut Html, run: &Run, found: &super::run::Found, album: &Album) -> Result<()> {
    let bar = |name: &str, px: f64| Bar { name: name.to_owned(), value: px };
    let parts = tables::by_group(&found.errors, run.input.data.scheme());
    if parts.len() > 1 {
        let axes = Axes {
            title: format!("{}: error per group", run.name()),
            x: "mean distance, original pixels".into(),
            y: String::new(),
            log_y: false,
        };
        let bars: Vec<Bar> = parts.iter().map(|p| bar(&p.name, p.mean_px)).collect();
        album.bars(h, "groups", &axes, &bars, "Mean error of each group of points.")?;
    }
    let subsets = tables::by_subset(&found.errors)?;
    if subsets.len() > 1 {
        let axes = Axes {
            title: format!("{}: error per subset", run.name()),
            x: "mean distance, original pixels".into(),
            y: String::new(),
            log_y: false,
        };
        let bars: Vec<Bar> = subsets.iter().map(|s| bar(&s.split, s.mean_px)).collect();
        album.bars(h, "subsets", &axes, &bars, "Mean error of each pose or source of the pictures.")?;
    }
    if found.summary.nme.is_some() {
        let nmes: Vec<f64> = found.errors.iter().filter_map(|e| e.nme).collect();
        let limit = if nmes.iter().filter(|n| **n <= 0.1).count() * 2 >= nmes.len() { 0.1 } else { 0.3 };
        let axes = Axes {
            title: format!("{}: cumulative errors", run.name()),
            x: "NME (fraction of the eye distance)".into(),
            y: "fraction of faces".into(),
            log_y: false,
        };
        let caption = "The part of the faces whose error is at most so large; the earlier it rises, the better.";
        album.lines(h, "ced", &axes, &[tables::cumulative(run.name(), &nmes, limit)], caption)?;
    }
    Ok(())
}

fn inside(h: &mut Html, run: &Run, album: &Album) -> Result<()> {
    h.leaf("h3", &[], "Inside the network");
    let filters = run.model.first_filters();
    let (count, _, kh, kw) = filters.dims4()?;
    let caption = format!(
        "The {count} filters of the first convolution, {kh} × {kw}, each scaled from its least (black) to its greatest weight (white)."
    );
    album.picture(
        h,
        "filters",
        &visualize::filter_grid(&filters, 56)?,
        As::Png,
        "Grid of the first convolution's filters",
        &caption,
    )?;
    let Some(first) = run.input.val.get(..1) else { return Ok(()) };
    let batch = run.predictor.views(run.input.data.as_ref(), first)?;
    let images = batch.images.to_device(run.predictor.device())?;
    for (i, (name, maps)) in run.model.feature_maps(&images)?.iter().enumerate() {
        let (_, channels, rows, columns) = maps.dims4()?;
        let shown = channels.min(16);
        let caption = format!(
            "Feature maps after {name} for the first validation picture: {shown} of {channels}, {columns} × {rows} cells, each scaled on its own."
        );
        let alt = format!("Grid of feature maps after {name}");
        album.picture(
            h,
            &format!("features-{}", i + 1),
            &visualize::feature_grid(maps, shown, 110)?,
            As::Png,
            &alt,
            &caption,
        )?;
    }
    Ok(())
}

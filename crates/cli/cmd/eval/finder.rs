//! `facekp eval` of a face finder: what it finds in photos whose faces have boxes.

use super::{Args, parts::Divisor};
use crate::{
    output::{Usage, say, write_file, write_result},
    terminal,
};
use anyhow::Result;
use facekp_data::BoxedPhotos;
use facekp_eval::{
    Finder,
    finder::{FinderSummary, FinderTable, measure_finder},
};
use std::path::Path;

pub(super) fn run(a: &Args, weights: &Path) -> Result<()> {
    refuse_others(a)?;
    let photos = BoxedPhotos::open(&a.data.dir)?;
    let finder = Finder::load(weights, &a.device.open()?)?;
    let summary = measured(&finder, &photos, a.smallest)?;
    if let Some(file) = &a.draw {
        write_file(file, summary.curve_svg()?.as_bytes())?;
    }
    if a.json.as_deref() != Some(Path::new("-")) {
        say(&text(&finder.manifest().name, &summary))?;
    }
    if let Some(json) = &a.json {
        write_result(json, &(serde_json::to_string_pretty(&summary)? + "\n"))?;
    }
    Ok(())
}

/// Options that mean something for keypoints only.
fn refuse_others(a: &Args) -> Result<()> {
    let given = [
        ("--split", !a.split.is_empty()),
        ("--csv", a.csv.is_some()),
        ("--no-flip", a.no_flip),
        ("--decode", a.decode.is_some()),
        ("--dataset", a.dataset.is_some()),
        ("--map", a.map.is_some()),
        ("--by", a.by.is_some()),
        ("--normalizer", a.normalizer != Divisor::Scheme),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Usage(format!("{option}: expected with a keypoint network only, got a face finder")).into());
    }
    let svg = |file: &Path| file.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg"));
    if let Some(file) = a.draw.as_deref().filter(|file| !svg(file)) {
        let reason = format!("--draw: expected a file .svg with a face finder, got {}", file.display());
        return Err(Usage(reason).into());
    }
    Ok(())
}

/// What the finder finds, with a bar meanwhile where standard error is a terminal.
pub(crate) fn measured(finder: &Finder, photos: &BoxedPhotos, smallest: Option<f64>) -> Result<FinderSummary> {
    let bar = terminal::bar(photos.photos().len() as u64, "{pos}/{len} photos [{bar:24}] {per_sec}, {eta} left");
    let summary = measure_finder(finder, photos, smallest, &mut || bar.inc(1));
    bar.finish_and_clear();
    Ok(summary?)
}

fn text(name: &str, summary: &FinderSummary) -> String {
    let smallest = match summary.smallest {
        Some(side) => format!("faces of {side} px and more"),
        None => "faces of a twenty-fifth of the photo's shorter side and more".into(),
    };
    let lines = [
        format!("{name}; {}; looks for {smallest}", summary.data),
        table(&summary.size_table()),
        String::new(),
        table(&summary.limit_table()),
        summary.criterion.clone(),
        summary.about_areas(),
    ];
    lines.join("\n")
}

/// Columns as wide as their widest cell, the first to the left, the numbers to the right.
fn table(table: &FinderTable) -> String {
    let head: Vec<String> = table.head.iter().map(|cell| (*cell).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(&table.rows).collect();
    let width = |column: usize| all.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &&Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(i, (cell, w))| if i == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") });
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

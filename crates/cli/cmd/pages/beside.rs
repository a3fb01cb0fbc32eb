//! A network's errors beside others: with the face finder's boxes, and what was published.

use super::{
    number,
    subject::{Measured, Subject},
    table,
};
use crate::cmd::eval;
use anyhow::Result;
use facekp_data::{Crop, Split};
use facekp_eval::{Summary, tables};
use serde::Deserialize;

const FOUND: &str = "\n## With found boxes\n\nAnnotated boxes know where the points are; a photo's user has those of the \
    face finder, after one more look in the box of the points found. Faces that the finder misses count as failures \
    (`facekp eval NAME --boxes found`).\n\n";

const FOUND_HEAD: [&str; 7] = ["network", "split", "faces", "missed", "NME annotated", "NME found", "failures 0.08"];

const OTHERS: &str = "\n## Beside others\n\nNME on 300-W's test faces with annotated boxes. The networks of this \
    project see smaller copies of the pictures and fewer training faces than the published ones: 2012 of 300-W's 3148, \
    and those named.\n\n";

const PARTS: &str = "\n## By source, pose and group of points\n\nMean error in pixels of the original pictures, and NME \
    where it is known, on `full` of 300-W and `val` of IMM.\n\n";

/// Rows of a network's errors by subset of the faces and by group of points.
pub(super) fn parts(name: &str, measured: &Measured) -> Result<Vec<Vec<String>>> {
    let of = |split: Split| measured.errors.iter().find(|(s, _)| *s == split);
    let Some((_, errors)) = of(Split::Full).or_else(|| of(Split::Val)) else { return Ok(Vec::new()) };
    let row =
        |of: &str, px: f64, nme: Option<f64>| vec![name.to_owned(), of.to_owned(), number(Some(px), 2), number(nme, 4)];
    let mut rows: Vec<_> = tables::by_subset(errors)?.iter().map(|s| row(&s.split, s.mean_px, s.nme)).collect();
    let groups = tables::by_group(errors, measured.data.scheme());
    rows.extend(groups.iter().filter(|_| groups.len() > 1).map(|g| row(&g.name, g.mean_px, g.nme)));
    Ok(rows)
}

/// The section of such rows.
pub(super) fn parts_section(rows: &[Vec<String>]) -> String {
    let head = ["network", "faces or points", "mean px", "NME"];
    if rows.is_empty() { String::new() } else { PARTS.to_owned() + &table(&head, rows) }
}

/// Rows of the test faces with annotated and found boxes side by side; none for networks that see whole pictures.
pub(super) fn found(subject: &Subject, measured: &Measured) -> Result<Vec<Vec<String>>> {
    if matches!(subject.file.manifest.task.view.crop, Crop::Picture) {
        return Ok(Vec::new());
    }
    let Measured { predictor, data, flip, errors } = measured;
    let splits: Vec<Split> = errors.iter().map(|(split, _)| *split).filter(|s| *s != Split::Val).collect();
    let annotated = measured.summaries()?.into_iter().filter(|s| s.split != Split::Val.name()).collect();
    let both = eval::beside_found(annotated, predictor, *flip, data, &splits)?;
    let row = |pair: &[Summary]| match pair {
        [annotated, found] => Some(vec![
            subject.name.clone(),
            annotated.split.clone(),
            annotated.faces.to_string(),
            (annotated.faces - found.found.unwrap_or(found.faces)).to_string(),
            number(annotated.nme, 4),
            number(found.nme, 4),
            number(found.fr_08, 4),
        ]),
        _ => None,
    };
    Ok(both.chunks_exact(2).filter_map(row).collect())
}

/// The section of such rows.
pub(super) fn found_section(rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { FOUND.to_owned() + &table(&FOUND_HEAD, rows) }
}

#[derive(Deserialize)]
struct Published {
    rows: Vec<Row>,
}

/// One line of the table of others.
#[derive(Clone, Deserialize)]
pub(super) struct Row {
    name: String,
    full: Option<f64>,
    common: Option<f64>,
    challenging: Option<f64>,
    trained_on: String,
}

impl Row {
    /// Of a network here; `None` without these splits.
    pub(super) fn of(subject: &Subject, summaries: &[Summary]) -> Option<Self> {
        let nme = |split: &str| summaries.iter().find(|s| s.split == split).and_then(|s| s.nme);
        let full = Some(nme("full")?);
        let name = format!("**{}**", subject.name);
        let trained_on = subject.file.manifest.data.clone();
        Some(Self { name, full, common: nme("common"), challenging: nme("challenging"), trained_on })
    }
}

/// Networks here among those of others, the best first.
pub(super) fn others(own: Vec<Row>) -> Result<String> {
    if own.is_empty() {
        return Ok(String::new());
    }
    let Published { mut rows } = toml::from_str(include_str!("published.toml"))?;
    rows.extend(own);
    rows.sort_by(|a, b| a.order().total_cmp(&b.order()));
    let cells = |r: &Row| {
        let numbers = [r.full, r.common, r.challenging].map(|v| number(v, 4));
        [r.name.clone()].into_iter().chain(numbers).chain([r.trained_on.clone()]).collect()
    };
    let head = ["network", "full", "common", "challenging", "trained on"];
    Ok(OTHERS.to_owned() + &table(&head, &rows.iter().map(cells).collect::<Vec<_>>()))
}

impl Row {
    fn order(&self) -> f64 {
        // the faces of both parts
        let both = || Some((554.0 * self.common? + 135.0 * self.challenging?) / 689.0);
        self.full.or_else(both).unwrap_or(f64::INFINITY)
    }
}

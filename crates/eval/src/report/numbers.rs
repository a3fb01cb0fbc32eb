//! Tables of errors.

use super::{html::Html, run::Run};
use crate::error::Result;
use crate::metrics::{FaceError, Summary};
use crate::tables;
use facekp_data::Split;
use std::collections::HashSet;

/// One row a run, with the mean shape next to it.
pub(crate) fn overview(h: &mut Html, runs: &[Run]) {
    let head = [
        "network",
        "evaluated on",
        "points",
        "faces",
        "mean px",
        "median px",
        "mean shape px",
        "NME %",
        "mean shape NME %",
    ];
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let (b, s) = (&run.baseline, run.found.as_ref().map(|f| &f.summary));
            vec![
                run.name().to_owned(),
                run.input.val_name.clone(),
                b.points.to_string(),
                b.faces.to_string(),
                number(s.map(|s| s.mean_px), 1.0, 2),
                number(s.map(|s| s.median_px), 1.0, 2),
                number(Some(b.mean_px), 1.0, 2),
                number(s.and_then(|s| s.nme), 100.0, 2),
                number(b.nme, 100.0, 2),
            ]
        })
        .collect();
    h.table(2, &head, &rows);
}

/// The run's numbers: the split, its subsets, the mean shape, and what was recorded in the run folder.
pub(crate) fn of_run(h: &mut Html, run: &Run) -> Result<()> {
    let mut rows: Vec<(String, Summary)> = Vec::new();
    if let Some(found) = &run.found {
        rows.push((format!("{} (best checkpoint)", run.name()), found.summary.clone()));
        for s in subsets(run, &found.errors)? {
            rows.push((run.name().to_owned(), s));
        }
    }
    if let Some(s) = run.recorded.as_ref().filter(|s| s.split != run.input.val_name) {
        rows.push(("recorded in eval.json".into(), s.clone()));
    }
    rows.push(("mean shape of the training faces".into(), run.baseline.clone()));
    table(h, &rows);
    let normalizer = rows.iter().map(|(_, s)| s.normalizer.as_str()).find(|n| *n != "none");
    if let Some(normalizer) = normalizer {
        let text =
            format!("NME, AUC and failure rate: normalizer {normalizer}; NME pupil: distance between the eye centers.");
        h.leaf("p", &[("class", "soft")], &text);
    }
    if let Some(text) = run.found.as_ref().and_then(|f| f.summary.left_out()) {
        h.leaf("p", &[("class", "soft")], &(text + "."));
    }
    Ok(())
}

/// Common, challenging and full where the data has them; else the poses or sources that the faces name.
fn subsets(run: &Run, errors: &[FaceError]) -> Result<Vec<Summary>> {
    let found = run.found.as_ref().map(|f| f.predictions.as_slice()).unwrap_or_default();
    let mut all = Vec::new();
    for split in [Split::Common, Split::Challenging] {
        let Ok(indices) = run.input.data.split(split) else { continue };
        let set: HashSet<usize> = indices.into_iter().collect();
        let part: Vec<FaceError> =
            found.iter().zip(errors).filter(|(p, _)| set.contains(&p.index)).map(|(_, e)| e.clone()).collect();
        if !part.is_empty() && part.len() < errors.len() {
            all.push(Summary::of(&part, split.name())?);
        }
    }
    all.extend(tables::by_subset(errors)?.into_iter().filter(|s| s.faces < errors.len()));
    Ok(all)
}

fn table(h: &mut Html, rows: &[(String, Summary)]) {
    type Column = (&'static str, fn(&Summary) -> Option<f64>, f64, usize);
    let columns: [Column; 8] = [
        ("mean px", |s| Some(s.mean_px), 1.0, 2),
        ("median px", |s| Some(s.median_px), 1.0, 2),
        ("NME %", |s| s.nme, 100.0, 2),
        ("NME pupil %", |s| s.nme_pupil, 100.0, 2),
        ("AUC 0.08", |s| s.auc_08, 1.0, 3),
        ("failures > 0.08 %", |s| s.fr_08, 100.0, 1),
        ("AUC 0.10", |s| s.auc_10, 1.0, 3),
        ("failures > 0.10 %", |s| s.fr_10, 100.0, 1),
    ];
    let shown: Vec<&Column> = columns.iter().filter(|c| rows.iter().any(|(_, s)| c.1(s).is_some())).collect();
    let head: Vec<&str> = ["who", "part", "faces"].into_iter().chain(shown.iter().map(|c| c.0)).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(who, s)| {
            let first = [who.clone(), s.split.clone(), s.faces.to_string()];
            first.into_iter().chain(shown.iter().map(|c| number(c.1(s), c.2, c.3))).collect()
        })
        .collect();
    h.table(2, &head, &rows);
}

/// A number with its digits, or a dash.
pub(crate) fn number(value: Option<f64>, factor: f64, digits: usize) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".into(), |v| format!("{:.digits$}", v * factor))
}

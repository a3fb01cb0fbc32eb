//! Goes through a whole folder for `facekp datasets check`: every annotation, every picture decoded, all problems
//! listed.

use crate::{
    datasets::{
        find::{Found, find},
        pack::PackDataset,
        report::CheckReport,
    },
    error::Result,
    io::{self, predictions},
};
use std::path::Path;

/// Reads everything below `dir`, decodes every picture, and reports. A broken file is part of the report.
///
/// # Errors
/// Only when `dir` cannot be listed or holds nothing recognisable.
pub fn check(dir: &Path) -> Result<CheckReport> {
    if io::has_extension(dir, "fkpack") && dir.is_file() {
        return PackDataset::check(dir);
    }
    let mut report = match &find(dir)?[..] {
        [one] if one.path == dir => one.check()?,
        children => parent(children)?,
    };
    let predicted = predictions::count(&io::walk_all(dir, &predictions::is_prediction)?);
    if predicted > 0 {
        report.fact("predictions", format!("{predicted} (skipped)"));
    }
    Ok(report)
}

/// Each dataset of a parent folder, the folder's name before its facts.
fn parent(children: &[Found]) -> Result<CheckReport> {
    let mut all = CheckReport::default();
    for child in children {
        let report = child.check()?;
        let name = child.path.file_name().unwrap_or_default().to_string_lossy();
        let separator = if all.format.is_empty() { "" } else { ", " };
        all.format += &format!("{separator}{}", report.format);
        all.facts.extend(report.facts.into_iter().map(|(fact, value)| (format!("{name}: {fact}"), value)));
        all.problems.extend(report.problems);
        all.warnings.extend(report.warnings);
    }
    Ok(all)
}

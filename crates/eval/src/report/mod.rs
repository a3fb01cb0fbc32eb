//! The report: one self-contained HTML page made from run folders, and the same pictures as files.

mod album;
mod faces;
mod heat;
pub(crate) mod html;
mod numbers;
mod page;
mod photos;
mod place;
mod run;
mod section;
mod style;

use crate::{Error, Result};
use candle_core::Device;
use facekp_data::Dataset;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One run on the page.
pub struct RunInput {
    /// The run folder (recipe.toml, history.csv, best.safetensors, eval.json).
    pub run: PathBuf,
    /// Its data, opened.
    pub data: Arc<dyn Dataset>,
    /// Shown in samples.
    pub train: Vec<usize>,
    /// Evaluated for the best and worst.
    pub val: Vec<usize>,
    /// The split's name that `val` is.
    pub val_name: String,
}

/// What else the page says.
pub struct PageInput {
    /// Above all.
    pub title: String,
    /// `quick`, `full`, `smoke`.
    pub profile: Option<String>,
    /// Sentences shown in a box at the top (`rendered faces were used …`, `quick profile: small views and few epochs`).
    pub notices: Vec<String>,
    /// One's own photos, for a section of their own.
    pub photos: Vec<PathBuf>,
}

/// Below the output folder.
const FIGURES: &str = "figures";
const PAGE: &str = "index.html";

/// Writes `out/index.html` and the pictures beside it in `out/figures`. Everything is made in a temporary folder and
/// moved when whole; nothing else in `out` is touched, nor are files in `out/figures` that no report wrote.
///
/// # Errors
/// When a run folder is incomplete, a file cannot be written, or one of the names is taken by a file that no report
/// wrote.
pub fn write(out: &Path, page: &PageInput, runs: &[RunInput], device: &Device) -> Result<PathBuf> {
    if runs.is_empty() {
        return Err(Error::Empty("report: expected at least one run, got none".into()));
    }
    place::refuse_foreign(out)?;
    let io = |e: std::io::Error| Error::io(out, e);
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io)?;
    let draft = tempfile::Builder::new().prefix(".facekp-report-").tempdir_in(parent).map_err(io)?;
    let figures = draft.path().join(FIGURES);
    let html = page::render(page, runs, &figures, device)?;
    let text = draft.path().join(PAGE);
    fs::write(&text, html).map_err(io)?;

    fs::create_dir_all(out).map_err(io)?;
    place::place(draft.path(), out)
}

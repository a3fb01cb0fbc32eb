//! The report: one self-contained HTML page made from run folders, and the same pictures as files.

mod album;
mod faces;
mod finding;
mod fit;
mod heat;
pub(crate) mod html;
mod numbers;
mod page;
mod photos;
mod place;
mod run;
mod section;
mod strip;
mod style;

use crate::error::{Error, Result};
use crate::finder::{Finder, FinderSummary};
use crate::predict::Flip;
use candle_core::Device;
use facekp_data::{Augment, Dataset, Draft};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One run on the page.
pub struct RunInput {
    /// The run folder (recipe.toml, history.csv, best.safetensors, eval.json).
    pub run: PathBuf,
    /// The dataset of the run.
    pub data: Arc<dyn Dataset>,
    /// Training indices; some are shown as samples.
    pub train: Vec<usize>,
    /// Validation indices; all are evaluated.
    pub val: Vec<usize>,
    /// Name of the split of `val`.
    pub val_name: String,
    /// How views are changed in training.
    pub augment: Augment,
    /// Whether predictions are averaged with those of the mirrored view.
    pub flip: Flip,
}

/// Everything on the page that is not of one run.
pub struct PageInput {
    /// Title of the page.
    pub title: String,
    /// Name of the profile: `quick`, `full` or `smoke`.
    pub profile: Option<String>,
    /// Sentences shown in a box at the top (`rendered faces were used …`, `quick profile: small views and few epochs`).
    pub notices: Vec<String>,
    /// How well the face finder does, for a section of its own.
    pub finding: Option<FinderSummary>,
    /// User photos, for a section of their own.
    pub photos: Photos,
}

/// Photos without annotations, and what finds the faces in them.
#[derive(Debug, Default)]
pub struct Photos {
    /// The pictures; without any there is no section.
    pub files: Vec<PathBuf>,
    /// The face finder.
    pub finder: Option<Finder>,
}

/// The folder of the figures, below the output folder.
const FIGURES: &str = "figures";
const PAGE: &str = "index.html";

/// Writes `out/index.html` and the same pictures as files in `out/figures`. Everything is made in a temporary folder
/// and moved when whole; nothing else in `out` is touched, nor are files in `out/figures` that no report wrote.
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
    // `.` has no name to stand beside, and what is beside it may be another disk
    let named = if out.file_name().is_some() { out.to_path_buf() } else { out.join(PAGE) };
    let draft = Draft::beside(&named).map_err(io)?;
    let figures = draft.path().join(FIGURES);
    let html = page::render(page, runs, &figures, device).map_err(|e| e.renamed(draft.path(), out))?;
    let text = draft.path().join(PAGE);
    fs::write(&text, html).map_err(io)?;

    fs::create_dir_all(out).map_err(io)?;
    place::place(draft.path(), out)
}

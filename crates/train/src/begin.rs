//! How a run begins in its folder: anew, where another stopped, or in its place.

use std::path::PathBuf;

/// What is done with a folder that may hold a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It has to be new or empty.
    #[default]
    New,
    /// The run in it continues from its last checkpoint.
    Resume,
    /// The run in it is removed; anything else there is a refusal.
    Overwrite,
}

/// Where and how a run begins.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// The run's folder.
    pub folder: PathBuf,
    /// What is done with a run that is there.
    pub mode: Mode,
    /// What made the recipe of the one that was named, where that is known; kept, so that a resumed run needs none of
    /// it again.
    pub overrides: Option<Vec<String>>,
    /// The profile of the named recipe; kept likewise.
    pub profile: Option<String>,
    /// Whether a resumed run may have another number of epochs than it was started with.
    pub lengthened: bool,
    /// Files and folders that must not stand in the run's folder: its recipe, its data.
    pub keep: Vec<PathBuf>,
}

impl Begin {
    /// In `folder`, with nothing known of the recipe's making.
    pub fn new(folder: impl Into<PathBuf>, mode: Mode) -> Self {
        Self { folder: folder.into(), mode, ..Self::default() }
    }
}

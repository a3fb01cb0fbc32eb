//! How many pictures failed or have no face: what the exit status of `predict` says.

use anyhow::{Result, bail};
use facekp_eval::PictureResult;

/// Pictures by their outcome.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pictures: usize,
    failed: usize,
    /// Those without a face, failed ones among them.
    without: usize,
    /// Of the first picture that failed.
    error: Option<String>,
    /// The first picture without a face.
    first: Option<String>,
}

impl Tally {
    /// Counts a picture.
    pub(super) fn add(&mut self, result: &PictureResult) {
        self.pictures += 1;
        if let Some(error) = &result.error {
            self.failed += 1;
            self.error.get_or_insert_with(|| error.clone());
        }
        if result.faces.is_empty() {
            self.without += 1;
            self.first.get_or_insert_with(|| result.file.clone());
        }
    }

    /// Whether the call failed, in one line.
    ///
    /// # Errors
    /// When a picture failed, or has no face though each must have one.
    pub(super) fn verdict(&self, require_face: bool) -> Result<()> {
        let Self { pictures, failed, without, .. } = *self;
        match (&self.error, &self.first) {
            (Some(reason), _) if pictures == 1 => bail!("{reason}"),
            (Some(_), _) => bail!("{failed} of {pictures} pictures failed"),
            (None, Some(file)) if require_face && pictures == 1 => bail!("{file}: expected a face, found none"),
            (None, Some(_)) if require_face => bail!("{without} of {pictures} pictures: expected a face, found none"),
            _ => Ok(()),
        }
    }
}

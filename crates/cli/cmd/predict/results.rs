//! Where the results of a call of `predict` go as they come: into lines, into a list, and into what is counted.

use super::{lines::Lines, tally::Tally};
use anyhow::Result;
use facekp_eval::PictureResult;

/// Takes results in the order of their pictures.
#[derive(Default)]
pub(super) struct Results {
    /// The file of `--jsonl`.
    pub lines: Option<Lines>,
    /// All of them, where they are wanted at the end.
    pub kept: Option<Vec<PictureResult>>,
    /// What they and the lines of earlier calls say.
    pub tally: Tally,
}

impl Results {
    /// Takes the next ones.
    ///
    /// # Errors
    /// When their lines cannot be written.
    pub(super) fn add(&mut self, results: Vec<PictureResult>) -> Result<()> {
        if let Some(lines) = &mut self.lines {
            lines.add(&results)?;
        }
        results.iter().for_each(|result| self.tally.add(result));
        if let Some(kept) = &mut self.kept {
            kept.extend(results);
        }
        Ok(())
    }
}

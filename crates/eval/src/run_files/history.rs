//! `history.csv`: one row per epoch.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};

/// The numbers of one epoch (the columns of `history.csv`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss over the training samples of the epoch (augmented).
    pub train_loss: f64,
    /// The same loss on the validation split, not augmented, evaluation mode.
    pub val_loss: f64,
    /// NME on the validation split where the data has eyes, else NaN.
    pub val_nme: f64,
    /// Mean error on the validation split, original pixels; NaN where it was not measured.
    pub val_px: f64,
    /// Learning rate at the epoch's end.
    pub lr: f64,
    /// Epochs that the run was to have when this one was trained; a column only where that changed on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_epochs: Option<usize>,
    /// Wall clock time of the epoch, seconds.
    pub seconds: f64,
}

/// The epoch in one line, for bars and logs.
impl fmt::Display for EpochRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.5}, validation {:.5}", self.train_loss, self.val_loss)?;
        if self.val_px.is_finite() {
            write!(f, ", {:.2} px", self.val_px)?;
        }
        if self.val_nme.is_finite() {
            write!(f, ", NME {:.4}", self.val_nme)?;
        }
        Ok(())
    }
}

/// The head of the file without the column `total_epochs`.
pub const COLUMNS: &str = "epoch,train_loss,val_loss,val_nme,val_px,lr,seconds";

/// Reads the rows of a history; `path` is what errors call it.
///
/// # Errors
/// The first line that is no row.
pub fn parse(path: &Path, text: &str) -> Result<Vec<EpochRecord>> {
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<Vec<_>, csv::Error>>();
    rows.map_err(|e| Error::file(path, COLUMNS, e.to_string()))
}

/// Reads a history file.
///
/// # Errors
/// When there is none, or it is broken.
pub fn read(path: &Path) -> Result<Vec<EpochRecord>> {
    parse(path, &std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?)
}

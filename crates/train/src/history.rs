//! The epochs of a run, and `history.csv`, which has a line for each.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};

const COLUMNS: &str = "epoch,train_loss,val_loss,val_nme,val_px,lr,seconds\n";

/// The numbers of one epoch (the columns of `history.csv`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// 1-based.
    pub epoch: usize,
    /// Mean over the training samples of the epoch (augmented).
    pub train_loss: f64,
    /// The same loss on the validation split, not augmented, evaluation mode.
    pub val_loss: f64,
    /// NME on the validation split where the data has eyes, else NaN.
    pub val_nme: f64,
    /// Mean pixel error on the validation split, original pixels; NaN where it was not measured.
    pub val_px: f64,
    /// At the epoch's end.
    pub lr: f64,
    /// Wall clock.
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

/// A resumed run that was given another number of epochs: its schedule has another end from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seam {
    /// The last epoch before.
    pub after: usize,
    /// Epochs of the run, before.
    pub from: usize,
    /// Epochs of the run, from here on.
    pub to: usize,
}

/// A record of a run that was given another number of epochs on its way: which number it had then.
#[derive(Serialize)]
struct Lengthened {
    epoch: usize,
    train_loss: f64,
    val_loss: f64,
    val_nme: f64,
    val_px: f64,
    lr: f64,
    total_epochs: usize,
    seconds: f64,
}

impl Lengthened {
    fn new(record: &EpochRecord, seams: &[Seam]) -> Self {
        let EpochRecord { epoch, train_loss, val_loss, val_nme, val_px, lr, seconds } = *record;
        let before = seams.iter().rev().find(|s| s.after < epoch).map(|s| s.to);
        let total_epochs = before.or(seams.first().map(|s| s.from)).unwrap_or(epoch);
        Self { epoch, train_loss, val_loss, val_nme, val_px, lr, total_epochs, seconds }
    }
}

/// The records as CSV text with a header; where the number of epochs was changed, with a column `total_epochs`. Numbers
/// are written so that reading gives the same bits.
///
/// # Errors
/// Never, in practice: memory is written to.
pub fn to_csv(records: &[EpochRecord], seams: &[Seam]) -> Result<String> {
    let wrong = |e: String| Error::setting("history", "records that CSV can hold", e);
    if records.is_empty() {
        return Ok(COLUMNS.to_owned());
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        let written = match seams {
            [] => writer.serialize(record),
            _ => writer.serialize(Lengthened::new(record, seams)),
        };
        written.map_err(|e| wrong(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| wrong(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| wrong(e.to_string()))
}

/// Records from CSV text; `path` is what errors call it.
///
/// # Errors
/// The first line that is no record.
pub fn from_csv(path: &Path, text: &str) -> Result<Vec<EpochRecord>> {
    let records = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<Vec<_>, csv::Error>>();
    records.map_err(|e| Error::Run { path: path.to_owned(), reason: format!("expected {}: {e}", COLUMNS.trim()) })
}

/// Reads the history of a run folder.
///
/// # Errors
/// When there is none, or it is broken.
pub fn read(run: &Path) -> Result<Vec<EpochRecord>> {
    let path = run.join("history.csv");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::Run { path: path.clone(), reason: e.to_string() })?;
    from_csv(&path, &text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_bits_come_back() {
        let record = |epoch, val_nme| EpochRecord {
            epoch,
            train_loss: 0.1 + 0.2,
            val_loss: 1.0 / 3.0,
            val_nme,
            val_px: 1e-300,
            lr: 4e-9,
            seconds: 12.0,
        };
        let records = [record(1, f64::NAN), record(2, 0.05)];
        let text = to_csv(&records, &[]).unwrap();
        assert_eq!(text.lines().next().unwrap(), "epoch,train_loss,val_loss,val_nme,val_px,lr,seconds");
        let back = from_csv(Path::new("h"), &text).unwrap();
        assert!(back[0].val_nme.is_nan());
        assert_eq!(back[1], record(2, 0.05));
        assert_eq!(to_csv(&[], &[]).unwrap().trim(), text.lines().next().unwrap());
        let longer = to_csv(&records, &[Seam { after: 1, from: 1, to: 2 }]).unwrap();
        let totals: Vec<_> = longer.lines().map(|l| l.rsplit(',').nth(1).unwrap()).collect();
        assert_eq!(totals, ["total_epochs", "1", "2"]);
        assert_eq!(from_csv(Path::new("h"), &longer).unwrap()[1], records[1]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let text = format!("{COLUMNS}1,0.5,oops,0,0,0,0\n");
        let message = from_csv(Path::new("run/history.csv"), &text).unwrap_err().to_string();
        assert!(message.starts_with("run/history.csv: expected epoch,") && message.contains("line: 2"), "{message}");
    }
}

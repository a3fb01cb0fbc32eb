//! The epochs of a run, and `history.csv`, which has a line for each.

use crate::error::{Error, Result};
use facekp_eval::run_files::{EpochRecord, history};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A resumed run that was given another number of epochs: its schedule has another end from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seam {
    /// The last epoch before.
    pub after: usize,
    /// Epochs of the run, before.
    pub from: usize,
    /// Epochs of the run, from here on.
    pub to: usize,
}

/// A record with the number of epochs that the run was to have then.
fn with_total(record: &EpochRecord, seams: &[Seam]) -> EpochRecord {
    let before = seams.iter().rev().find(|s| s.after < record.epoch).map(|s| s.to);
    EpochRecord { total_epochs: before.or(seams.first().map(|s| s.from)), ..*record }
}

/// The records as CSV text with a header; where the number of epochs was changed, with a column `total_epochs`. Numbers
/// are written so that reading gives the same bits.
///
/// # Errors
/// Never, in practice: memory is written to.
pub(crate) fn to_csv(records: &[EpochRecord], seams: &[Seam]) -> Result<String> {
    let wrong = |e: String| Error::setting("history", "records that CSV can hold", e);
    if records.is_empty() {
        return Ok(history::COLUMNS.to_owned() + "\n");
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(with_total(record, seams)).map_err(|e| wrong(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| wrong(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| wrong(e.to_string()))
}

/// Records from CSV text; `path` is what errors call it. The seams, not the rows, say how long the run was to be.
///
/// # Errors
/// The first line that is no record.
pub(crate) fn from_csv(path: &Path, text: &str) -> Result<Vec<EpochRecord>> {
    let rows = history::parse(path, text)?;
    Ok(rows.into_iter().map(|r| EpochRecord { total_epochs: None, ..r }).collect())
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
            total_epochs: None,
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
        let text = format!("{}\n1,0.5,oops,0,0,0,0\n", history::COLUMNS);
        let message = from_csv(Path::new("run/history.csv"), &text).unwrap_err().to_string();
        assert!(message.starts_with("run/history.csv: expected epoch,") && message.contains("line: 2"), "{message}");
    }
}

//! `history.csv`: one line an epoch.

use super::EpochRecord;
use crate::{Error, Result};
use std::path::Path;

const COLUMNS: &str = "epoch,train_loss,val_loss,val_nme,val_px,lr,seconds\n";

/// The records as CSV text with a header. Numbers are written so that reading gives the same bits.
///
/// # Errors
/// Never, in practice: memory is written to.
pub fn to_csv(records: &[EpochRecord]) -> Result<String> {
    let wrong = |e: String| Error::Setting(format!("history: {e}"));
    if records.is_empty() {
        return Ok(COLUMNS.to_owned());
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(record).map_err(|e| wrong(e.to_string()))?;
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
        let text = to_csv(&[record(1, f64::NAN), record(2, 0.05)]).unwrap();
        assert_eq!(text.lines().next().unwrap(), "epoch,train_loss,val_loss,val_nme,val_px,lr,seconds");
        let back = from_csv(Path::new("h"), &text).unwrap();
        assert!(back[0].val_nme.is_nan());
        assert_eq!(back[1], record(2, 0.05));
        assert_eq!(to_csv(&[]).unwrap().trim(), text.lines().next().unwrap());
    }

    #[test]
    fn a_broken_line_is_named() {
        let text = format!("{COLUMNS}1,0.5,oops,0,0,0,0\n");
        let message = from_csv(Path::new("run/history.csv"), &text).unwrap_err().to_string();
        assert!(message.starts_with("run/history.csv: expected epoch,") && message.contains("line: 2"), "{message}");
    }
}

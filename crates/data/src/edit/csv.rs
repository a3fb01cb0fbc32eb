//! Cells of a row of a table of points.

use super::{Change, text::decimal, text::splice};
use crate::{
    datasets::csv::Table,
    error::{Error, Result},
    formats::Shape,
};
use std::path::Path;

pub(super) fn read(path: &Path, text: &str, row: usize) -> Result<Shape> {
    let table = Table::of(path.to_owned(), text.to_owned())?;
    table.rows().nth(row).unwrap_or_else(|| Err(gone(path, row))).map(|row| row.shape)
}

/// The text with other cells in this row, whose other cells stay as they are.
pub(super) fn change(path: &Path, text: &str, row: usize, changes: &[Change]) -> Result<String> {
    let table = Table::of(path.to_owned(), text.to_owned())?;
    let (range, mut cells) = table.raw_row(row)?.ok_or_else(|| gone(path, row))?;
    for &(i, point) in changes {
        let at = table.columns.before + 2 * i;
        let [x, y] = point.map_or_else(Default::default, |p| [decimal(p.x), decimal(p.y)]);
        for (at, value) in [(at, x), (at + 1, y)] {
            *cells.get_mut(at).ok_or_else(|| gone(path, row))? = value;
        }
    }
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let broken = |e: String| Error::format(path, None, "a row that can be written", e);
    writer.write_record(&cells).map_err(|e| broken(e.to_string()))?;
    let bytes = writer.into_inner().map_err(|e| broken(e.to_string()))?;
    let line = String::from_utf8(bytes).map_err(|e| broken(e.to_string()))?;
    Ok(splice(text, &[(range, line.trim_end_matches('\n').to_owned())]))
}

fn gone(path: &Path, row: usize) -> Error {
    Error::format(path, None, format!("a face in row {} below the header", row + 1), "none")
}

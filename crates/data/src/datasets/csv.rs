//! A table of points, a face per row: `file,x0,y0,x1,y1,…` in any `*.csv`, with the pictures below its folder.
//!
//! Positions are pixels, the first pixel's center at (0, 0); a point with empty cells is hidden. A second column
//! `subject` may say who it is, so that no one both trains and validates.

pub(super) mod columns;

use crate::{
    dataset::Frame,
    datasets::{
        contents, faces,
        format::{DatasetKind, Format},
        record::{Numbers, Record},
    },
    error::{Error, Result},
    formats::{Shape, quoted},
    io,
    scheme::Scheme,
    source::{Place, Source},
};
use columns::Columns;
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use rayon::prelude::*;
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

const WHAT: &str = "table of points";

static FORMAT: Format = Format {
    name: "csv",
    expected: "a CSV of points (file,x0,y0,…)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| Ok(!tables(dir)?.is_empty()),
    holds_below: None,
    points: |dir| first(dir).map(|table| table.columns.points),
    open: |dir, wanted| faces::open(WHAT, dir, wanted, (scheme_of, read_all)),
    check: |dir, wanted| faces::check(WHAT, dir, wanted, (scheme_of, read_all)),
};

/// A folder with tables of points.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// The `*.csv` in `dir` that are tables of points.
fn tables(dir: &Path) -> Result<Vec<PathBuf>> {
    io::beginning(dir, "csv", columns::is_one)
}

/// A table whose header was read.
pub(crate) struct Table {
    path: PathBuf,
    text: String,
    pub(crate) columns: Columns,
    has_headers: bool,
}

impl Table {
    fn open(path: PathBuf) -> Result<Self> {
        let text = io::read_text(&path)?;
        Self::of(path, text)
    }

    /// The table of a text; `path` is for the errors.
    pub(crate) fn of(path: PathBuf, text: String) -> Result<Self> {
        let first = reader(&text, true).headers().map_err(|e| broken(&path, &e))?.clone();
        let (columns, has_headers) = Columns::of(&path, &first)?;
        Ok(Self { path, text, columns, has_headers })
    }

    /// The faces, one after the other.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row>> {
        let (mut at, mut line) = (0, 1);
        reader(&self.text, self.has_headers).into_records().map(move |row| {
            let row = row.map_err(|e| broken(&self.path, &e))?;
            // a record begins after the ends of lines that the reader passes over
            let begin = row.position().map_or(at, |p| p.byte() as usize);
            let blank = self.text.get(begin..).unwrap_or_default();
            let begin = begin + blank.find(|c| c != '\r' && c != '\n').unwrap_or(0);
            line += self.text.get(at..begin).unwrap_or_default().matches('\n').count();
            at = begin;
            self.row(&row, line)
        })
    }

    /// Where record `row` stands, from 0, without the end of its line; and its cells as they are.
    pub(crate) fn raw_row(&self, row: usize) -> Result<Option<(Range<usize>, Vec<String>)>> {
        let raw = ReaderBuilder::new().flexible(true).has_headers(self.has_headers).from_reader(self.text.as_bytes());
        let mut records = raw.into_records();
        let Some(record) = records.nth(row) else { return Ok(None) };
        let record = record.map_err(|e| broken(&self.path, &e))?;
        let ends = |c| c == '\r' || c == '\n';
        let end = records.reader().position().byte() as usize;
        let end = self.text.get(..end).unwrap_or(&self.text).trim_end_matches(ends).len();
        // a record begins after the ends of lines that the reader passes over
        let begin = record.position().map_or(0, |p| p.byte() as usize);
        let blank = self.text.get(begin..end).unwrap_or_default();
        let begin = end - blank.trim_start_matches(ends).len();
        Ok(Some((begin..end, record.iter().map(str::to_owned).collect())))
    }

    /// A face, with the name of its picture and its line.
    fn row(&self, row: &StringRecord, line: usize) -> Result<Row> {
        let Columns { subject, before, points, .. } = self.columns;
        let cells = before + 2 * points;
        if row.len() != cells {
            return Err(Error::format(&self.path, Some(line), format!("{cells} cells"), row.len().to_string()));
        }
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let pairs = (0..points).map(|i| [cell(before + 2 * i), cell(before + 2 * i + 1)]);
        let shape = columns::shape((&self.path, line), pairs, |axis, i| format!("{axis}{i}"))?;
        let subject = subject.map(|at| cell(at).to_owned()).filter(|s| !s.is_empty());
        Ok(Row { file: cell(0).to_owned(), subject, shape, line })
    }
}

fn reader(text: &str, has_headers: bool) -> Reader<&[u8]> {
    ReaderBuilder::new().flexible(true).trim(Trim::All).has_headers(has_headers).from_reader(text.as_bytes())
}

pub(crate) struct Row {
    file: String,
    subject: Option<String>,
    pub(crate) shape: Shape,
    line: usize,
}

fn broken(path: &Path, error: &csv::Error) -> Error {
    let line = error.position().map(|p| p.line() as usize);
    Error::format(path, line, "a table of points", error.to_string())
}

fn first(dir: &Path) -> Result<Table> {
    Table::open(tables(dir)?.into_iter().next().ok_or_else(|| contents::nothing(dir, FORMAT.expected))?)
}

/// The scheme that the tables in `dir` are read as: see [`faces::scheme_of`].
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>) -> Result<Arc<Scheme>> {
    let Table { path, columns: Columns { points, names, .. }, .. } = first(dir)?;
    let wrong = |numbers| Error::format(&path, Some(1), format!("x and y of {numbers} points"), points.to_string());
    match names.is_empty() {
        true => faces::scheme_of(dir, wanted, points, wrong),
        false => faces::named_scheme_of(dir, wanted, (&path, &faces::folder_name(dir), &names), wrong),
    }
}

/// The faces of every table in `dir`; a broken one is an error within.
fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
    let (mut all, mut numbers) = (Vec::new(), Numbers::default());
    for path in tables(dir)? {
        let table = match Table::open(path) {
            Ok(table) => table,
            Err(e) => {
                all.push(Err(e));
                continue;
            }
        };
        if let Some(other) = columns::other_count(&table.path, table.columns.points, scheme) {
            all.push(Err(other));
            continue;
        }
        let mut numbered = |(nth, row): (usize, Result<Row>)| {
            let row = row?;
            let picture = io::within(dir, &row.file)
                .map_err(|expected| Error::format(&table.path, Some(row.line), expected, quoted(&row.file)))?;
            let number = numbers.next(&picture);
            Ok((nth, row, picture, number))
        };
        let rows: Vec<Result<_>> = table.rows().enumerate().map(&mut numbered).collect();
        all.par_extend(rows.into_par_iter().map(|row| {
            let (nth, Row { subject, shape, .. }, picture, number) = row?;
            let source = Some(Source::new(&table.path, Place::Csv { row: nth }));
            Ok(Record { subject, source, ..Record::of(dir, picture, number, scheme, (shape, &table.path))? })
        }));
    }
    Ok(all)
}

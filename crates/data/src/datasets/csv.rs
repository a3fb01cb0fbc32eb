//! A table of points, a face per row: `file,x0,y0,x1,y1,…` in any `*.csv`, with the pictures below its folder.
//!
//! Positions are pixels, the first pixel's center at (0, 0); a point with empty cells is hidden. A second column
//! `subject` may say who it is, so that no one both trains and validates.

mod columns;

use crate::{
    dataset::Frame,
    datasets::{
        contents, faces,
        format::{DatasetKind, Format},
        record::{Numbers, Record},
    },
    error::{Error, Result},
    formats::{Shape, number, quoted},
    io,
    scheme::Scheme,
};
use candle_vision_helpers::Point;
use columns::Columns;
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use rayon::prelude::*;
use std::{
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
    check: |dir| faces::check(WHAT, dir, (scheme_of, read_all)),
};

/// A folder with tables of points.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// The `*.csv` in `dir` that are tables of points.
fn tables(dir: &Path) -> Result<Vec<PathBuf>> {
    io::beginning(dir, "csv", columns::is_one)
}

/// A table whose header was read.
struct Table {
    path: PathBuf,
    rows: Reader<std::io::Cursor<String>>,
    columns: Columns,
}

impl Table {
    fn open(path: PathBuf) -> Result<Self> {
        let text = std::io::Cursor::new(io::read_text(&path)?);
        let reader = |has_headers| {
            let mut builder = ReaderBuilder::new();
            builder.flexible(true).trim(Trim::All).has_headers(has_headers).from_reader(text.clone())
        };
        let (columns, has_headers) = Columns::of(&path, reader(true).headers().map_err(|e| broken(&path, &e))?)?;
        Ok(Self { rows: reader(has_headers), path, columns })
    }

    /// A face, with the name of its picture and its line.
    fn row(&self, row: &StringRecord) -> Result<Row> {
        let line = row.position().map_or(0, |p| p.line() as usize);
        let fail = |expected: String, got: String| Err(Error::format(&self.path, Some(line), expected, got));
        let Columns { subject, before, points, .. } = self.columns;
        let cells = before + 2 * points;
        if row.len() != cells {
            return fail(format!("{cells} cells"), row.len().to_string());
        }
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let mut shape = Shape { points: Vec::new(), visible: Vec::new(), lines: vec![line; points] };
        for i in 0..points {
            let (x, y) = (cell(before + 2 * i), cell(before + 2 * i + 1));
            let hidden = x.is_empty() && y.is_empty();
            let value = |axis, text| number(&self.path, line, &format!("{axis}{i}"), text);
            let at = if hidden { Point::default() } else { Point::new(value('x', x)?, value('y', y)?) };
            shape.points.push(at);
            shape.visible.push(!hidden);
        }
        let subject = subject.map(|at| cell(at).to_owned()).filter(|s| !s.is_empty());
        Ok(Row { file: cell(0).to_owned(), subject, shape, line })
    }
}

struct Row {
    file: String,
    subject: Option<String>,
    shape: Shape,
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
        let mut table = Table::open(path)?;
        if table.columns.points != scheme.len() {
            let (expected, got) = (format!("x and y of {} points", scheme.len()), table.columns.points.to_string());
            return Err(Error::format(table.path, Some(1), expected, got));
        }
        let rows: Vec<_> = table.rows.records().collect();
        let rows = rows.iter().map(|row| row.as_ref().map_err(|e| broken(&table.path, e)).and_then(|r| table.row(r)));
        let numbered: Vec<_> = rows
            .map(|row| {
                let row = row?;
                let number = numbers.next(Path::new(&row.file));
                Ok((row, number))
            })
            .collect();
        all.par_extend(
            numbered.into_par_iter().map(|row| row.and_then(|(row, n)| face(dir, &table.path, scheme, row, n))),
        );
    }
    Ok(all)
}

/// Face `number` (from 1) of a picture; its subset is the picture's folder below `dir`.
fn face(dir: &Path, table: &Path, scheme: &Arc<Scheme>, row: Row, number: usize) -> Result<Record> {
    let picture = io::within(dir, &row.file)
        .map_err(|expected| Error::format(table, Some(row.line), expected, quoted(&row.file)))?;
    Ok(Record { subject: row.subject, ..Record::of(dir, picture, number, scheme, (row.shape, table))? })
}

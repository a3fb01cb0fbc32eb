//! A table of points, a face per row: `file,x0,y0,x1,y1,…` in any `*.csv`, with the pictures below its folder.
//!
//! Positions are pixels, the first pixel's center at (0, 0); a point with empty cells is hidden. A second column
//! `subject` may say who it is, so that no one both trains and validates.

use crate::{
    dataset::Frame,
    datasets::{
        contents,
        faces::{self, Faces},
        format::{DatasetKind, Format},
        record::Record,
    },
    error::{Error, Result},
    formats::{Shape, number, quoted},
    io,
    scheme::Scheme,
};
use candle_vision_helpers::Point;
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use rayon::prelude::*;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

const WHAT: &str = "table of points";
/// Bytes of a table that are looked at to recognise it.
const GLANCE: u64 = 256;

static FORMAT: Format = Format {
    name: "csv",
    expected: "a CSV of points (file,x0,y0,…)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| Ok(!tables(dir)?.is_empty()),
    holds_below: None,
    points: |dir| first(dir).map(|table| table.points),
    open: |dir, wanted| {
        let scheme = scheme_of(dir, wanted)?;
        Ok(Box::new(Faces::new(WHAT, dir, &scheme, read_all(dir, &scheme)?)?))
    },
    check: |dir| {
        let scheme = scheme_of(dir, None)?;
        Ok(Faces::check(WHAT, &scheme, read_all(dir, &scheme)?))
    },
};

/// A folder with tables of points.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// The `*.csv` in `dir` whose first cell is `file`.
fn tables(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for path in io::list(dir)?.into_iter().filter(|p| io::has_extension(p, "csv") && p.is_file()) {
        let mut line = Vec::new();
        let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
        BufReader::new(file.take(GLANCE)).read_until(b'\n', &mut line).map_err(|e| Error::io(&path, e))?;
        let line = String::from_utf8_lossy(&line);
        let first = line.trim_start_matches('\u{feff}').split(',').next().unwrap_or_default();
        if first.trim().trim_matches('"') == "file" {
            tables.push(path);
        }
    }
    Ok(tables)
}

/// A table whose header was read.
struct Table {
    path: PathBuf,
    rows: Reader<std::io::Cursor<String>>,
    /// Columns before the points: 1, or 2 with the subject.
    before: usize,
    points: usize,
}

impl Table {
    fn open(path: PathBuf) -> Result<Self> {
        let text = std::io::Cursor::new(io::read_text(&path)?);
        let mut rows = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(text);
        let header = rows.headers().map_err(|e| broken(&path, &e))?;
        let before = if header.get(1) == Some("subject") { 2 } else { 1 };
        let points = header.len().saturating_sub(before).div_ceil(2);
        for (i, (x, y)) in (0..points).map(|i| (i, (before + 2 * i, before + 2 * i + 1))) {
            for (axis, at) in [("x", x), ("y", y)] {
                let (expected, got) = (format!("{axis}{i}"), header.get(at).unwrap_or("the end of the line"));
                if got != expected {
                    return Err(Error::format(path, Some(1), format!("the column {expected}"), quoted(got)));
                }
            }
        }
        Ok(Self { path, rows, before, points })
    }

    /// A face, with the name of its picture and its line.
    fn row(&self, row: &StringRecord) -> Result<Row> {
        let line = row.position().map_or(0, |p| p.line() as usize);
        let fail = |expected: String, got: String| Err(Error::format(&self.path, Some(line), expected, got));
        let cells = self.before + 2 * self.points;
        if row.len() != cells {
            return fail(format!("{cells} cells"), row.len().to_string());
        }
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let mut shape = Shape { points: Vec::new(), visible: Vec::new(), lines: vec![line; self.points] };
        for i in 0..self.points {
            let (x, y) = (cell(self.before + 2 * i), cell(self.before + 2 * i + 1));
            let hidden = x.is_empty() && y.is_empty();
            let value = |axis, text| number(&self.path, line, &format!("{axis}{i}"), text);
            let at = if hidden { Point::default() } else { Point::new(value('x', x)?, value('y', y)?) };
            shape.points.push(at);
            shape.visible.push(!hidden);
        }
        let subject = (self.before == 2).then(|| cell(1).to_owned()).filter(|s| !s.is_empty());
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
    let Table { path, points, .. } = first(dir)?;
    faces::scheme_of(dir, wanted, points, |numbers| {
        Error::format(path, Some(1), format!("x and y of {numbers} points"), points.to_string())
    })
}

/// The faces of every table in `dir`; a broken one is an error within.
fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
    let (mut all, mut times) = (Vec::new(), BTreeMap::new());
    for path in tables(dir)? {
        let mut table = Table::open(path)?;
        if table.points != scheme.len() {
            let (expected, got) = (format!("x and y of {} points", scheme.len()), table.points.to_string());
            return Err(Error::format(table.path, Some(1), expected, got));
        }
        let rows: Vec<_> = table.rows.records().collect();
        let rows = rows.iter().map(|row| row.as_ref().map_err(|e| broken(&table.path, e)).and_then(|r| table.row(r)));
        let numbered: Vec<_> = rows
            .map(|row| {
                let row = row?;
                let again = times.entry(io::id_below(Path::new(""), Path::new(&row.file))).or_insert(0_usize);
                *again += 1;
                Ok((row, *again))
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
    let (mut id, subset) = io::sample_id(dir, &picture);
    if number > 1 {
        id += &format!("#{number}");
    }
    let mut record = Record::new(id, picture, scheme, row.shape, table)?;
    (record.subject, record.subset) = (row.subject, subset);
    Ok(record)
}

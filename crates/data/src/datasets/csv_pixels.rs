//! A table that holds its pictures: `*.csv` with columns `NAME_x`, `NAME_y`, … and last `Image`, a grey square as
//! numbers, as the set of 15 points of the Facial Keypoints Detection competition (Kaggle, 2013) has it.

use crate::{
    dataset::Frame,
    datasets::{
        contents,
        csv::columns,
        faces::{self, folder_name},
        format::{DatasetKind, Format},
        record::Record,
    },
    error::{Error, Result},
    formats::quoted,
    io,
    picture::{MOST_BYTES, Pixels},
    scheme::Scheme,
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

const WHAT: &str = "table with pictures";
/// The column of the pixels.
const IMAGE: &str = "Image";

static FORMAT: Format = Format {
    name: "csv_pixels",
    expected: "a CSV with pixels (NAME_x,NAME_y,…,Image)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| Ok(!tables(dir)?.is_empty()),
    holds_below: None,
    points: |dir| Ok(names(dir)?.1.len()),
    open: |dir, wanted| faces::open(WHAT, dir, wanted, (scheme_of, read_all)),
    check: |dir, wanted| faces::check(WHAT, dir, wanted, (scheme_of, read_all)),
};

/// A folder with such tables.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

fn tables(dir: &Path) -> Result<Vec<PathBuf>> {
    io::beginning(dir, "csv", |text| {
        // of a long header the end is not seen yet
        let (header, is_whole) = text.split_once('\n').map_or((text, false), |(header, _)| (header.trim_end(), true));
        let named = header.split(',').next().is_some_and(|first| first.trim_matches('"').ends_with("_x"));
        named && (!is_whole || header.trim_matches('"').ends_with(IMAGE))
    })
}

/// The first table, and what its points are called.
fn names(dir: &Path) -> Result<(PathBuf, Vec<String>)> {
    let path = tables(dir)?.into_iter().next().ok_or_else(|| contents::nothing(dir, FORMAT.expected))?;
    let names = header(&path, &mut lines(&path)?)?;
    Ok((path, names))
}

/// Lines with their ends.
fn lines(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path).map_err(|e| Error::io(path, e))?))
}

fn header(path: &Path, lines: &mut BufReader<File>) -> Result<Vec<String>> {
    let mut text = Vec::new();
    next_line(path, lines, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let cells = text.trim_start_matches('\u{feff}').trim_end().split(',');
    let columns: Vec<&str> = cells.map(|cell| cell.trim().trim_matches('"')).collect();
    if columns.last() != Some(&IMAGE) {
        return Err(Error::format(
            path,
            Some(1),
            format!("{IMAGE} as the last column"),
            quoted(columns[columns.len() - 1]),
        ));
    }
    let (pairs, rest) = columns[..columns.len() - 1].as_chunks::<2>();
    let name = |[x, y]: &[&str; 2]| {
        let name = x.strip_suffix("_x").filter(|name| y.strip_suffix("_y") == Some(name));
        name.map(str::to_owned)
            .ok_or_else(|| (format!("the columns NAME_x,NAME_y and last {IMAGE}"), format!("{x},{y}")))
    };
    let names = pairs.iter().map(name).collect::<Result<Vec<_>, _>>();
    let names = names.and_then(|names| match rest {
        [] => Ok(names),
        [one, ..] => Err((format!("an even number of columns before {IMAGE}"), (*one).to_owned())),
    });
    names.map_err(|(expected, got)| Error::format(path, Some(1), expected, quoted(&got)))
}

fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>) -> Result<Arc<Scheme>> {
    let (path, names) = names(dir)?;
    let wrong = |n| Error::format(&path, Some(1), format!("x and y of {n} points"), names.len().to_string());
    faces::named_scheme_of(dir, wanted, (&path, &folder_name(dir), &names), wrong)
}

/// Reads the next line, as far as a picture may need.
fn next_line(path: &Path, lines: &mut BufReader<File>, text: &mut Vec<u8>) -> Result<u64> {
    let read = lines.take(MOST_BYTES).read_until(b'\n', text).map_err(|e| Error::io(path, e))? as u64;
    if read == MOST_BYTES {
        return Err(Error::format(path, None, format!("lines of fewer than {MOST_BYTES} bytes"), "a longer one"));
    }
    Ok(read)
}

/// The faces of every table in `dir`, called by the table's name and their line; a broken one is an error within.
fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
    let mut all = Vec::new();
    for path in tables(dir)? {
        let mut rest = lines(&path)?;
        let names = header(&path, &mut rest)?;
        if let Some(other) = columns::other_count(&path, names.len(), scheme) {
            all.push(Err(other));
            continue;
        }
        let mut at = rest.stream_position().map_err(|e| Error::io(&path, e))?;
        let mut text = Vec::new();
        for line in 2.. {
            text.clear();
            let read = next_line(&path, &mut rest, &mut text)?;
            if read == 0 {
                break;
            }
            let row = String::from_utf8_lossy(&text);
            if !row.trim().is_empty() {
                all.push(face(dir, scheme, &names, Pixels { file: path.clone(), at, line }, &row));
            }
            at += read;
        }
    }
    Ok(all)
}

fn face(dir: &Path, scheme: &Arc<Scheme>, names: &[String], pixels: Pixels, row: &str) -> Result<Record> {
    let (path, line) = (&pixels.file, pixels.line);
    let cells: Vec<&str> = row.trim_end().split(',').map(str::trim).collect();
    if cells.len() != 2 * names.len() + 1 {
        let (expected, got) = (format!("{} cells", 2 * names.len() + 1), cells.len().to_string());
        return Err(Error::format(path, Some(line), expected, got));
    }
    let pairs = cells.as_chunks::<2>().0.iter().copied();
    let shape = columns::shape((path, line), pairs, |axis, i| format!("{}_{axis}", names[i]))?;
    let id = format!("{}/{line:05}", io::id_below(dir, path));
    Record::within(id, pixels, scheme, shape)
}

//! Landmark files as morphometrics programs write them (tpsDig, F. James Rohlf): `LM=n`, n lines of `x y`,
//! `IMAGE=file`, in any `*.tps`, with the pictures below its folder.
//!
//! Positions are pixels, y counted from below: row `H - y` of a picture of H rows, as ml-morph converts them. A point
//! with a negative number is hidden. `POINTS=` of curves and outlines are skipped.

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
    picture::picture_size,
    scheme::Scheme,
};
use candle_vision_helpers::Point;
use std::{
    iter::Enumerate,
    path::{Path, PathBuf},
    str::Lines,
    sync::Arc,
};

const WHAT: &str = "landmark files";

static FORMAT: Format = Format {
    name: "tps",
    expected: "landmarks (.tps)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| io::has_any(dir, "tps"),
    holds_below: None,
    points: |dir| first(dir).map(|(_, object)| object.raw.len()),
    open: |dir, wanted| faces::open(WHAT, dir, wanted, (scheme_of, read_all)),
    check: |dir, wanted| faces::check(WHAT, dir, wanted, (scheme_of, read_all)),
};

/// A folder with landmark files.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// One object of a file; positions as they stand in it.
struct Object {
    raw: Vec<Point>,
    lines: Vec<usize>,
    image: String,
    line: usize,
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(io::list(dir)?.into_iter().filter(|p| io::has_extension(p, "tps") && p.is_file()).collect())
}

/// The objects of a file.
fn read(path: &Path) -> Result<Vec<Object>> {
    let text = io::read_text(path)?;
    let mut lines = text.lines().enumerate();
    let (mut all, mut raw) = (Vec::new(), None);
    while let Some((i, line)) = lines.next() {
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim().to_ascii_uppercase(), value.trim()),
            None if line.trim().is_empty() => continue,
            None => return Err(Error::format(path, Some(i + 1), "KEY=VALUE", quoted(line.trim()))),
        };
        let count =
            || value.parse::<usize>().map_err(|_| Error::format(path, Some(i + 1), "a whole number", quoted(value)));
        match key.as_str() {
            "LM" => raw = Some((i + 1, points(path, &mut lines, count()?)?)),
            "POINTS" => drop(points(path, &mut lines, count()?)?),
            "IMAGE" => {
                let missing = || Error::format(path, Some(i + 1), "LM= before IMAGE=", "none");
                let (line, (raw, lines)) = raw.take().ok_or_else(missing)?;
                all.push(Object { raw, lines, image: value.to_owned(), line });
            }
            _ => {}
        }
    }
    match raw {
        Some((line, _)) => Err(Error::format(path, Some(line), "IMAGE= after the points", "none")),
        None => Ok(all),
    }
}

/// `count` lines of `x y`, and where they stand.
fn points(path: &Path, lines: &mut Enumerate<Lines<'_>>, count: usize) -> Result<(Vec<Point>, Vec<usize>)> {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for n in 0..count {
        let ended = || Error::format(path, None, format!("{count} points"), format!("{n} before the file ends"));
        let (i, line) = lines.next().ok_or_else(ended)?;
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [x, y] = cells[..] else { return Err(Error::format(path, Some(i + 1), "x y", quoted(line.trim()))) };
        all.push(Point::new(number(path, i + 1, "x", x)?, number(path, i + 1, "y", y)?));
        places.push(i + 1);
    }
    Ok((all, places))
}

fn first(dir: &Path) -> Result<(PathBuf, Object)> {
    let first = files(dir)?.into_iter().next().ok_or_else(|| contents::nothing(dir, FORMAT.expected))?;
    let object = read(&first)?.into_iter().next();
    let object = object.ok_or_else(|| Error::format(&first, None, "LM= and IMAGE= of an object", "none"))?;
    Ok((first, object))
}

/// The scheme that the files in `dir` are read as: see [`faces::scheme_of`].
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>) -> Result<Arc<Scheme>> {
    let (first, object) = first(dir)?;
    let (line, count) = (object.line, object.raw.len());
    faces::scheme_of(dir, wanted, count, |numbers| {
        Error::format(first, Some(line), format!("LM= of {numbers} points"), count.to_string())
    })
}

/// The faces of every file in `dir`; a broken one is an error within.
fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
    let (mut all, mut numbers) = (Vec::new(), Numbers::default());
    for path in files(dir)? {
        match read(&path) {
            Ok(objects) => all.extend(objects.into_iter().map(|o| face(dir, &path, scheme, o, &mut numbers))),
            Err(e) => all.push(Err(e)),
        }
    }
    Ok(all)
}

fn face(dir: &Path, file: &Path, scheme: &Arc<Scheme>, object: Object, numbers: &mut Numbers) -> Result<Record> {
    let Object { raw, lines, image, line } = object;
    let picture =
        io::within(dir, &image).map_err(|expected| Error::format(file, Some(line), expected, quoted(&image)))?;
    let height = picture_size(&picture)?.height as f64;
    let visible = raw.iter().map(|p| p.x >= 0.0 && p.y >= 0.0).collect();
    let shape = Shape { points: raw.iter().map(|p| Point::new(p.x, height - p.y)).collect(), visible, lines };
    let number = numbers.next(&picture);
    Record::of(dir, picture, number, scheme, (shape, file))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Split, datasets::find, scheme::IBUG_68};
    use image::RgbImage;

    /// A file of 68 points on a diagonal but the first, and a picture of 100 × 80.
    fn folder(dir: &Path, first: &str, end: &str) {
        RgbImage::new(100, 80).save(dir.join("wing.png")).unwrap();
        let rows: String = (1..68).map(|i| format!("{i}.5 {i}\n")).collect();
        std::fs::write(dir.join("a.tps"), format!("LM=68\n{first}\n{rows}{end}")).unwrap();
    }

    fn message(dir: &Path) -> String {
        scheme_of(dir, None)
            .and_then(|s| read_all(dir, &s)?.into_iter().collect::<Result<Vec<_>>>())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn points_are_counted_from_below_and_negative_ones_are_hidden() {
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path(), "-1 -1", "CURVES=1\nPOINTS=2\n1 1\n2 2\nIMAGE=wing.png\nID=7\nSCALE=0.01\n");
        assert_eq!(find(dir.path()).unwrap()[0].kind, KIND);
        let data = (FORMAT.open)(dir.path(), None).unwrap();
        assert_eq!((data.scheme(), data.len(), data.split(Split::All).unwrap().len()), (&*IBUG_68, 1, 1));
        let face = data.get(0).unwrap();
        assert_eq!((face.id.as_str(), face.points.visible()[0], face.points.visible()[1]), ("wing", false, true));
        assert_eq!(face.points.points()[67], Point::new(67.5, 80.0 - 67.0));
    }

    #[test]
    fn what_is_broken_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        for (first, end, expected) in [
            ("3 x", "IMAGE=wing.png\n", "a.tps:2: expected a number for y, got \"x\""),
            ("3", "IMAGE=wing.png\n", "a.tps:2: expected x y, got \"3\""),
            ("3 3", "", "a.tps:1: expected IMAGE= after the points, got none"),
            ("3 3", "IMAGE=none.png\n", "a.tps:1: expected a picture that is there, got \"none.png\""),
            ("3 3", "IMAGE=wing.png\nLM=9\n1 1\n", "a.tps: expected 9 points, got 1 before the file ends"),
            ("3 3", "IMAGE=wing.png\nIMAGE=wing.png\n", "expected LM= before IMAGE=, got none"),
            ("3 3", "IMAGE=wing.png\nnonsense\n", "expected KEY=VALUE, got \"nonsense\""),
        ] {
            folder(dir.path(), first, end);
            let got = message(dir.path());
            assert!(got.ends_with(expected), "{got:?}, expected {expected:?}");
        }
        std::fs::write(dir.path().join("a.tps"), "LM=2\n1 1\n2 2\nIMAGE=wing.png\n").unwrap();
        assert!(message(dir.path()).contains("a.tps:1: expected LM= of "), "{}", message(dir.path()));
    }
}

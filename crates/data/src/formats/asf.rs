//! IMM's `.asf` (AAM shape file): `#` comments, the number of points, one row a point, the picture's name on the last
//! line.
//!
//! A row is `path# type x y point# from to`, with three more columns (`user1..3`) in the files written in 2002.
//!
//! `x` and `y` are relative to the picture's width and height, and count from the **edge** of the first pixel: pixels
//! (center of the first at 0) are `x * width - 0.5`. Two measurements on the database say so. All but a few of its x
//! values are `(k * 640 / 992 + 0.5) / 640` with a whole `k`: the annotators clicked on whole pixels of a picture shown
//! 992 wide, and the half was added. And the mirror line of the frontal faces' points lies 1.0 ± 0.15 px right of that
//! of the pictures' own gradients when the half is left in; without it, half as far.
//!
//! `x` and `y` that are both exactly 0, or both -1, mark a hidden point where most of the others are elsewhere.

use super::{Shape, index, number, quoted, visible};
use crate::{
    error::{Error, KINDS, Result},
    io::{self, write_whole},
    scheme::{IMM_58, Outline},
};
use candle_vision_helpers::{Point, Size};
use std::{fmt::Write, path::Path};

/// The contents of an `.asf` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Asf {
    /// Name of the picture, in the same folder.
    pub picture: String,
    /// Relative to the picture's width and height, from the edge of the first pixel.
    pub relative: Vec<Point>,
    /// Which points are annotated; the others are marked as hidden.
    pub visible: Vec<bool>,
    /// Where each point stands, 1-based.
    pub lines: Vec<usize>,
}

impl Asf {
    /// The points in pixels of a picture of `size`.
    pub fn absolute(&self, size: Size) -> Vec<Point> {
        let (w, h) = (size.width as f64, size.height as f64);
        self.relative.iter().map(|p| Point::new(p.x * w - 0.5, p.y * h - 0.5)).collect()
    }

    /// The face in pixels of a picture of `size`.
    pub fn shape(&self, size: Size) -> Shape {
        Shape { points: self.absolute(size), visible: self.visible.clone(), lines: self.lines.clone() }
    }
}

/// Reads a file that has to have `count` points.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line.
pub fn read(path: &Path, count: usize) -> Result<Asf> {
    parse(path, &io::read_text(path)?, count)
}

/// [`read`] on text; `path` is for the errors.
///
/// # Errors
/// When it breaks the format, or most of its points are marks of hidden ones.
pub fn parse(path: &Path, text: &str, count: usize) -> Result<Asf> {
    let end = text.lines().count();
    let fail = |line: usize, expected: String, got: String| Err(Error::format(path, Some(line), expected, got));
    let mut rows =
        text.lines().enumerate().map(|(i, l)| (i + 1, l.trim())).filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    let ended = |expected: String, so_far: &str| {
        let got = if end == 0 { "an empty file".into() } else { format!("the end of the file{so_far}") };
        Error::format(path, (end > 0).then_some(end), expected, got)
    };

    let (line, row) = rows.next().ok_or_else(|| ended("the number of points".into(), ""))?;
    let stated = index(path, line, "the number of points", row)?;
    if stated != count {
        return fail(line, format!("{count} points"), stated.to_string());
    }
    let (mut relative, mut lines) = (Vec::with_capacity(count), Vec::with_capacity(count));
    while relative.len() < count {
        let (line, row) =
            rows.next().ok_or_else(|| ended(format!("{count} points"), &format!(" after {}", relative.len())))?;
        if io::is_picture(Path::new(row)) {
            return fail(line, format!("{count} points"), relative.len().to_string());
        }
        relative.push(point(path, line, row, relative.len())?);
        lines.push(line);
    }
    let (line, picture) =
        rows.next().ok_or_else(|| ended("the name of the picture".into(), &format!(" after {count} points")))?;
    if !io::is_picture(Path::new(picture)) {
        let surplus = matches!(picture.split_whitespace().count(), 7 | 10);
        let got = if surplus { "a surplus point".into() } else { quoted(picture) };
        return fail(line, format!("the name of a {KINDS} picture after {count} points"), got);
    }
    if picture.contains(['/', '\\']) {
        return fail(line, "a picture in the same folder".into(), quoted(picture));
    }
    match rows.next() {
        None => {
            let visible = visible(path, lines.first().copied(), relative.iter().copied())?;
            Ok(Asf { picture: picture.into(), relative, visible, lines })
        }
        Some((line, row)) => fail(line, "the end of the file after the picture's name".into(), quoted(row)),
    }
}

/// One row, which has to be point number `expected`.
fn point(path: &Path, line: usize, row: &str, expected: usize) -> Result<Point> {
    let columns: Vec<&str> = row.split_whitespace().collect();
    if !matches!(columns.len(), 7 | 10) {
        let got = format!("{} in {}", columns.len(), quoted(row));
        return Err(Error::format(path, Some(line), format!("7 or 10 columns for point {expected}"), got));
    }
    let at = Point::new(number(path, line, "x", columns[2])?, number(path, line, "y", columns[3])?);
    for (i, what) in [(0, "the path"), (1, "the type"), (5, "the point before"), (6, "the point after")] {
        index(path, line, what, columns[i])?;
    }
    let got = index(path, line, "the point's number", columns[4])?;
    if got != expected {
        return Err(Error::format(path, Some(line), format!("point {expected}"), format!("point {got}")));
    }
    // Relative to the picture: beyond this they are pixels, or nonsense.
    if !(-3.0..=4.0).contains(&at.x) || !(-3.0..=4.0).contains(&at.y) {
        let got = format!("({}, {})", at.x, at.y);
        return Err(Error::format(path, Some(line), "coordinates relative to the picture, about 0 to 1", got));
    }
    Ok(at)
}

/// Writes the points (pixels of a picture of `size`) of the picture `picture_name`, which lies in the same folder.
/// IMM's 58 points get its seven paths; any other number is one open path.
///
/// # Errors
/// When it cannot be written; no partial file is left.
pub fn write(path: &Path, picture_name: &str, size: Size, points: &[Point]) -> Result<()> {
    let whole = [(0, points.len(), false)];
    let imm: Vec<_> =
        IMM_58.groups().iter().map(|g| (g.points.start, g.points.end, g.outline == Outline::Closed)).collect();
    let paths = if points.len() == IMM_58.len() { &imm[..] } else { &whole[..] };
    let mut text = format!("# AAM shape file\n\n# number of model points\n{}\n\n# model points\n", points.len());
    text.push_str("# format: <path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>\n");
    for (number, &(start, end, closed)) in paths.iter().enumerate() {
        for (i, point) in points.iter().enumerate().take(end).skip(start) {
            let from = if i > start {
                i - 1
            } else if closed {
                end - 1
            } else {
                i
            };
            let to = if i + 1 < end {
                i + 1
            } else if closed {
                start
            } else {
                i
            };
            let kind = if closed { 0 } else { 4 };
            let (x, y) = ((point.x + 0.5) / size.width as f64, (point.y + 0.5) / size.height as f64);
            writeln!(text, "{number}\t{kind}\t{x:.8}\t{y:.8}\t{i}\t{from}\t{to}").ok();
        }
    }
    write!(text, "\n# host image\n{picture_name}\n").ok();
    write_whole(path, text.as_bytes())
}

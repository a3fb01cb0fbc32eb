//! What the columns of a table of points are.

use crate::{
    error::{Error, Result},
    formats::{Shape, number, quoted},
    io,
    scheme::Scheme,
};
use candle_vision_helpers::Point;
use csv::StringRecord;
use std::path::Path;

/// Columns that may stand between the file's name and the points: a box is that of the points here.
const SKIPPED: [&str; 4] = ["left", "top", "width", "height"];

/// Where a row has what.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// The person's name.
    pub subject: Option<usize>,
    /// Columns before the points.
    pub(crate) before: usize,
    /// Points.
    pub points: usize,
    /// What the points are called; none where they are numbered.
    pub names: Vec<String>,
}

/// Whether a file that begins so is a table of points: by a header whose first cell is `file`, or, without a header, by
/// a picture's name and two numbers.
pub(super) fn is_one(text: &str) -> bool {
    let first: Vec<&str> = text.lines().next().unwrap_or_default().split(',').map(cell).collect();
    first.first() == Some(&"file") || has_no_header(&first)
}

fn cell(text: &str) -> &str {
    text.trim().trim_matches('"')
}

fn has_no_header(first: &[&str]) -> bool {
    let [file, x, y, ..] = first else { return false };
    let is_value = |text: &str| text.is_empty() || text.parse::<f64>().is_ok();
    io::is_picture(Path::new(file)) && is_value(x) && is_value(y)
}

/// The points of a row from their cells, two empty ones for a hidden point; `name` makes what errors call a cell, from
/// the axis and the point's number.
pub(in crate::datasets) fn shape<'a>(
    (path, line): (&Path, usize),
    cells: impl Iterator<Item = [&'a str; 2]>,
    name: impl Fn(char, usize) -> String,
) -> Result<Shape> {
    let mut shape = Shape { points: Vec::new(), visible: Vec::new(), lines: Vec::new() };
    for (i, [x, y]) in cells.enumerate() {
        let hidden = x.is_empty() && y.is_empty();
        let value = |axis, text| number(path, line, &name(axis, i), text);
        shape.points.push(if hidden { Point::default() } else { Point::new(value('x', x)?, value('y', y)?) });
        shape.visible.push(!hidden);
        shape.lines.push(line);
    }
    Ok(shape)
}

/// The error of a table of `points` points that is read as another number.
pub(in crate::datasets) fn other_count(path: &Path, points: usize, scheme: &Scheme) -> Option<Error> {
    let wrong = || Error::format(path, Some(1), format!("x and y of {} points", scheme.len()), points.to_string());
    (points != scheme.len()).then(wrong)
}

impl Columns {
    /// Those of a table by its first line, and whether that is a header.
    pub(super) fn of(path: &Path, first: &StringRecord) -> Result<(Self, bool)> {
        let cells: Vec<&str> = first.iter().map(cell).collect();
        if has_no_header(&cells) {
            return Ok((Self { before: 1, points: (cells.len() - 1).div_ceil(2), ..Self::default() }, false));
        }
        let known = |name: &&str| *name == "subject" || SKIPPED.contains(name);
        let before = 1 + cells.iter().skip(1).take_while(|name| known(name)).count();
        let subject = cells.iter().take(before).position(|name| *name == "subject");
        let points = cells.len().saturating_sub(before).div_ceil(2);
        let at = |i: usize| cells.get(i).copied();
        // `nose_x,nose_y` where it is not `x0,y0`
        let stem = |i: usize| at(before + 2 * i).and_then(|x| x.strip_suffix("_x"));
        let names: Vec<String> = match stem(0) {
            Some(_) => (0..points).filter_map(stem).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        for i in 0..points {
            for (k, axis) in ["x", "y"].into_iter().enumerate() {
                let expected = match (names.is_empty(), stem(i)) {
                    (true, _) => format!("{axis}{i}"),
                    (false, Some(name)) => format!("{name}_{axis}"),
                    (false, None) => "NAME_x".to_owned(),
                };
                let got = at(before + 2 * i + k).unwrap_or("the end of the line");
                if got != expected {
                    return Err(Error::format(path, Some(1), format!("the column {expected}"), quoted(got)));
                }
            }
        }
        Ok((Self { subject, before, points, names }, true))
    }
}

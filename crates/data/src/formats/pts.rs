//! iBUG's `.pts`: `version: 1`, `n_points: N`, `{`, one `x y` a row, `}`. Some copies have only the rows.
//!
//! The file counts pixels from 1 (the first pixel's center is (1, 1)); here they count from 0. Rows `-1 -1` and `0 0`
//! mark hidden points where most of the others are elsewhere.

use super::{Shape, index, number, quoted, visible};
use crate::{
    error::{Error, Result},
    io::{self, write_whole},
};
use candle_vision_helpers::Point;
use std::{fmt::Write, path::Path};

/// Reads a file that has to have `count` points.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line.
pub fn read(path: &Path, count: usize) -> Result<Shape> {
    parse(path, &io::read_text(path)?, count)
}

/// How many points a file has, by its `n_points` or its rows.
///
/// # Errors
/// When it cannot be read, or `n_points` is no number.
pub fn count(path: &Path) -> Result<usize> {
    let text = io::read_text(path)?;
    let rows = || text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
    let stated = rows().find_map(|(line, row)| {
        let (key, value) = row.split_once(':')?;
        key.trim().eq_ignore_ascii_case("n_points").then_some((line, value.trim()))
    });
    match stated {
        Some((line, value)) => index(path, line, "n_points", value),
        None => Ok(rows().filter(|(_, r)| !r.is_empty() && !r.contains(['{', '}', ':'])).count()),
    }
}

/// [`read`] on text; `path` is for the errors.
///
/// # Errors
/// When it breaks the format, or most of its points are marks of hidden ones.
pub fn parse(path: &Path, text: &str, count: usize) -> Result<Shape> {
    let fail = |line: usize, expected: String, got: String| Err(Error::format(path, Some(line), expected, got));
    let (mut raw, mut lines) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut opened, mut closed, mut headed) = (false, false, false);
    for (line, row) in text.lines().enumerate().map(|(i, l)| (i + 1, l.trim())).filter(|(_, l)| !l.is_empty()) {
        let header = row.split_once(':').map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim()));
        match (row, header) {
            _ if closed => return fail(line, "the end of the file after }".into(), quoted(row)),
            (_, Some((key, value))) if !opened && raw.is_empty() => match key.as_str() {
                "version" => headed = true,
                "n_points" => {
                    headed = true;
                    let stated = index(path, line, "n_points", value)?;
                    if stated != count {
                        return fail(line, format!("{count} points"), stated.to_string());
                    }
                }
                _ => return fail(line, "version, n_points or {".into(), quoted(row)),
            },
            ("{", _) if !opened && raw.is_empty() => opened = true,
            ("}", _) if opened => {
                closed = true;
                if raw.len() != count {
                    return fail(line, format!("{count} points"), raw.len().to_string());
                }
            }
            _ if headed && !opened => return fail(line, "{ before the points".into(), quoted(row)),
            _ => {
                let columns: Vec<&str> = row.split_whitespace().collect();
                let [x, y] = columns[..] else {
                    return fail(line, format!("x and y of point {}", raw.len()), quoted(row));
                };
                let (x, y) = (number(path, line, "x", x)?, number(path, line, "y", y)?);
                if raw.len() == count {
                    return fail(line, format!("{count} points"), "a surplus point".into());
                }
                raw.push(Point::new(x, y));
                lines.push(line);
            }
        }
    }
    let end = text.lines().count();
    if (opened || headed) && !closed {
        fail(end, format!("{count} points and }}"), format!("the end of the file after {} points", raw.len()))
    } else if raw.len() != count {
        let got = if end == 0 { "an empty file".into() } else { raw.len().to_string() };
        Err(Error::format(path, (end > 0).then_some(end), format!("{count} points"), got))
    } else {
        let visible = visible(path, lines.first().copied(), raw.iter().copied())?;
        Ok(Shape { points: raw.iter().map(|p| Point::new(p.x - 1.0, p.y - 1.0)).collect(), visible, lines })
    }
}

/// Writes 0-based points, with three decimals.
///
/// # Errors
/// When it cannot be written; no partial file is left.
pub fn write(path: &Path, points: &[Point]) -> Result<()> {
    let mut text = format!("version: 1\nn_points: {}\n{{\n", points.len());
    for p in points {
        writeln!(text, "{:.3} {:.3}", p.x + 1.0, p.y + 1.0).ok();
    }
    text.push_str("}\n");
    write_whole(path, text.as_bytes())
}

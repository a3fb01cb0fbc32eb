//! Rows of a `.pts`.

use super::{Change, text::splice};
use crate::formats::Shape;
use candle_vision_helpers::Point;
use std::fmt::Write;

/// A whole file, as [`crate::formats::pts::write`] writes it, with marks of hidden points.
pub(super) fn of(points: &[Point], visible: &[bool]) -> String {
    let mut text = format!("version: 1\nn_points: {}\n{{\n", points.len());
    for (point, visible) in points.iter().zip(visible) {
        writeln!(text, "{}", row(visible.then_some(*point))).ok();
    }
    text + "}\n"
}

/// The text with other rows; `now` is what it says.
pub(super) fn change(text: &str, now: &Shape, changes: &[Change]) -> String {
    let mut begin = 0;
    let rows: Vec<_> = text
        .split_inclusive('\n')
        .map(|line| {
            let kept = line.trim_start();
            let from = begin + line.len() - kept.len();
            begin += line.len();
            from..from + kept.trim_end().len()
        })
        .collect();
    let part = |&(i, point): &Change| Some((rows.get(now.lines.get(i)?.checked_sub(1)?)?.clone(), row(point)));
    splice(text, &changes.iter().filter_map(part).collect::<Vec<_>>())
}

fn row(point: Option<Point>) -> String {
    point.map_or_else(|| "-1 -1".to_owned(), |p| format!("{:.3} {:.3}", p.x + 1.0, p.y + 1.0))
}

//! The parts of a box in an imglab list.

use super::{Change, text::splice};
use crate::{
    error::{Error, Result},
    formats::{Shape, imglab_xml},
};
use quick_xml::{
    events::{BytesStart, Event},
    reader::Reader,
};
use std::{ops::Range, path::Path};

pub(super) fn read(path: &Path, text: &str, (picture, face): (usize, usize), count: usize) -> Result<Shape> {
    let (pictures, problems) = imglab_xml::parse(path, text);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    let found = pictures.get(picture).and_then(|p| p.boxes.get(face));
    found.ok_or_else(|| gone(path, picture, face))?.shape(path, count)
}

/// The text with other parts in this box; a list without problems.
pub(super) fn change(path: &Path, text: &str, (picture, face): (usize, usize), changes: &[Change]) -> Result<String> {
    let mut reader = Reader::from_str(text);
    let (mut pictures, mut faces, mut is_ignored) = (0_usize, 0_usize, false);
    let mut parts = Vec::new();
    loop {
        let from = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|e| Error::format(path, None, "well-formed XML", e.to_string()))?;
        let to = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let (tag, end) = match &event {
            Event::Start(tag) => (tag, ">"),
            Event::Empty(tag) => (tag, "/>"),
            Event::Eof => break,
            _ => continue,
        };
        match tag.name().0 {
            "image" => (pictures, faces) = (pictures + 1, 0),
            "box" => {
                is_ignored = imglab_xml::is_ignored(attribute(tag, "ignore").as_deref());
                faces += usize::from(!is_ignored);
            }
            "part" if (pictures, faces) == (picture + 1, face + 1) && !is_ignored => {
                parts.extend(part(tag, end, changes).map(|new| (from..to, new)));
            }
            _ => {}
        }
    }
    let all: &[(Range<usize>, String)] = &parts;
    if all.len() == changes.len() { Ok(splice(text, all)) } else { Err(gone(path, picture, face)) }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.try_get_attribute(name).ok().flatten().map(|a| a.value.into_owned())
}

/// The tag with another place where its point is among those that change.
fn part(tag: &BytesStart<'_>, end: &str, changes: &[Change]) -> Option<String> {
    let name: usize = attribute(tag, "name")?.trim().parse().ok()?;
    let (_, point) = changes.iter().find(|(i, _)| *i == name)?;
    let mut new = "<part".to_owned();
    for attribute in tag.attributes().filter_map(Result::ok) {
        let place = |was: &str, value: f64| {
            let decimals = was.trim().split_once('.').map_or(0, |(_, d)| d.len()).max(2);
            format!("{value:.decimals$}")
        };
        let value = match (attribute.key.0, point) {
            ("x" | "y", None) => "-1".to_owned(),
            ("x", Some(p)) => place(&attribute.value, p.x),
            ("y", Some(p)) => place(&attribute.value, p.y),
            // a quote of the other kind may stand in it
            _ => attribute.value.replace('"', "&quot;"),
        };
        new += &format!(" {}=\"{value}\"", attribute.key.0);
    }
    Some(new + end)
}

fn gone(path: &Path, picture: usize, face: usize) -> Error {
    Error::format(path, None, format!("picture {picture} with box {face}, from 0, and all of its parts"), "none")
}

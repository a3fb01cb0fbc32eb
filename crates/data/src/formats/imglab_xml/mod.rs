//! The XML of dlib's imglab: `image file`, within it `box top left width height`, within it `part name x y`.
//!
//! Parts go by their numeric name, in any order; boxes with `ignore` are skipped; so is what is unknown.
//! Document type definitions and entities are refused: nothing here needs them, and they are how XML bombs are made. A
//! box covers its pixels whole: from `left - 0.5`, where the first pixel's center is 0. Part coordinates count from 0.
//! Parts at (-1, -1) and (0, 0) mark hidden points where most of the others are elsewhere.

mod entry;
mod write;
pub use entry::{FaceBox, Picture, resolve};
pub use write::write;

use super::{index, is_mark, number, quoted};
use crate::{
    error::{Error, Result},
    io,
};
use candle_vision_helpers::{Point, Rect, Size};
use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    reader::Reader,
};
use std::{
    collections::BTreeMap,
    path::{Component, Path},
};

/// How many box sides away from its box a part may lie: somewhat outside happens, far away is a mistake.
const REACH: f64 = 3.0;

/// Reads a list; the first thing wrong is the error.
///
/// # Errors
/// When it cannot be read or breaks the format, with the line.
pub fn read(path: &Path) -> Result<Vec<Picture>> {
    let (pictures, problems) = read_all(path)?;
    problems.into_iter().next().map_or(Ok(pictures), Err)
}

/// Reads a list to its end: what is sound, and everything that is wrong.
///
/// # Errors
/// When it cannot be read.
pub fn read_all(path: &Path) -> Result<(Vec<Picture>, Vec<Error>)> {
    Ok(parse(path, &io::read_text(path)?))
}

/// [`read_all`] on text; `path` is for the errors.
pub fn parse(path: &Path, text: &str) -> (Vec<Picture>, Vec<Error>) {
    let mut list = List { path, pictures: vec![], problems: vec![], picture: None, face: None };
    if let Err(fatal) = list.run(text) {
        list.problems.push(fatal);
    }
    (list.pictures, list.problems)
}

/// The state of the parser.
struct List<'a> {
    path: &'a Path,
    pictures: Vec<Picture>,
    problems: Vec<Error>,
    /// The open `image`.
    picture: Option<Picture>,
    /// The open `box`; `None` inside of it where it is ignored or broken.
    face: Option<Option<FaceBox>>,
}

impl List<'_> {
    fn fail<T>(&self, line: usize, expected: impl Into<String>, got: impl Into<String>) -> Result<T> {
        Err(Error::format(self.path, Some(line), expected, got))
    }

    /// Goes through the events; an error here ends the reading, what is merely wrong in one face is noted.
    fn run(&mut self, text: &str) -> Result<()> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let (mut line, mut counted) = (1, 0);
        let (mut depth, mut rooted) = (0usize, false);
        loop {
            let at = reader.buffer_position() as usize;
            line += newlines(text, counted, at);
            counted = at;
            let event = reader.read_event().or_else(|e| {
                let line = line + newlines(text, at, reader.error_position() as usize);
                self.fail(line, "well-formed XML", e.to_string())
            })?;
            let noted = match event {
                Event::Start(tag) => {
                    if depth == 0 && tag.name().0 != "dataset" {
                        return self.fail(line, "an imglab <dataset>", format!("<{}>", tag.name().0));
                    }
                    (depth, rooted) = (depth + 1, true);
                    self.open(line, &tag)
                }
                Event::End(tag) => {
                    depth = depth.saturating_sub(1);
                    self.close(tag.name().0);
                    Ok(())
                }
                Event::DocType(_) => return self.fail(line, "a list without a DTD", "<!DOCTYPE"),
                Event::GeneralRef(name) => {
                    let name: &str = &name;
                    if !name.starts_with('#') && !["amp", "lt", "gt", "apos", "quot"].contains(&name) {
                        return self.fail(line, "a list without entities", quoted(&format!("&{name};")));
                    }
                    Ok(())
                }
                Event::Eof if !rooted => {
                    let got = if text.is_empty() { "an empty file" } else { "the end of the file" };
                    return self.fail(line, "an imglab <dataset>", got);
                }
                Event::Eof if depth > 0 => {
                    return self.fail(line, "</dataset>", "the end of the file");
                }
                Event::Eof => return Ok(()),
                _ => Ok(()),
            };
            self.problems.extend(noted.err());
        }
    }

    fn open(&mut self, line: usize, tag: &BytesStart) -> Result<()> {
        match tag.name().0 {
            "image" => {
                let attributes = self.attributes(line, tag)?;
                self.picture = Some(self.image(line, &attributes)?);
            }
            "box" => {
                self.face = Some(None);
                // A broken image was noted already.
                let Some(size) = self.picture.as_ref().map(|p| p.size) else { return Ok(()) };
                let attributes = self.attributes(line, tag)?;
                let face = self.face_box(line, &attributes, size)?;
                if let (None, Some(picture)) = (&face, &mut self.picture) {
                    picture.ignored += 1;
                }
                self.face = Some(face);
            }
            "part" => {
                let Some(open) = &self.face else { return self.fail(line, "a part within a box", "one outside") };
                let Some(face) = open else { return Ok(()) };
                let part = self.attributes(line, tag).and_then(|a| self.part(line, &a, face));
                match (part, &mut self.face) {
                    (Ok((name, at, decimals)), Some(Some(face))) => {
                        face.decimals = face.decimals.max(decimals);
                        face.parts.insert(name, (at, line));
                    }
                    (Err(e), _) => {
                        // One line is enough for a box that lost a part.
                        self.face = Some(None);
                        return Err(e);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) {
        match name {
            "image" => self.pictures.extend(self.picture.take()),
            "box" => {
                if let (Some(Some(face)), Some(picture)) = (self.face.take(), &mut self.picture) {
                    picture.boxes.push(face);
                }
            }
            _ => {}
        }
    }

    fn attributes(&self, line: usize, tag: &BytesStart) -> Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for attribute in tag.attributes() {
            let attribute = attribute.or_else(|e| self.fail(line, "well-formed attributes", e.to_string()))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.or_else(|e| self.fail(line, "attributes without entities", e.to_string()))?;
            all.insert(attribute.key.0.to_owned(), value.into_owned());
        }
        Ok(all)
    }

    fn image(&self, line: usize, attributes: &BTreeMap<String, String>) -> Result<Picture> {
        let Some(file) = attributes.get("file") else { return self.fail(line, "an image with a file", "none") };
        let file = file.replace('\\', "/");
        let inside = |c: Component| matches!(c, Component::Normal(_) | Component::CurDir);
        // A drive of Windows is a folder's name elsewhere.
        let drive = file.as_bytes().get(1) == Some(&b':');
        if file.is_empty() || drive || !Path::new(&file).components().all(inside) {
            return self.fail(line, "a picture within the list's folder", quoted(&file));
        }
        let side = |name: &str| attributes.get(name).map(|v| index(self.path, line, name, v)).transpose();
        let size = side("width")?.zip(side("height")?).map(|(w, h)| Size::new(w, h));
        Ok(Picture { file, size, boxes: vec![], ignored: 0, line })
    }

    /// `None` for a box to be ignored.
    fn face_box(
        &self,
        line: usize,
        attributes: &BTreeMap<String, String>,
        size: Option<Size>,
    ) -> Result<Option<FaceBox>> {
        if is_ignored(attributes.get("ignore").map(String::as_str)) {
            return Ok(None);
        }
        let side = |name: &str| match attributes.get(name) {
            Some(v) => number(self.path, line, name, v),
            None => self.fail(line, format!("a box with its {name}"), "none"),
        };
        let rect = Rect::new(side("left")? - 0.5, side("top")? - 0.5, side("width")?, side("height")?);
        if !(rect.width > 0.0 && rect.height > 0.0) {
            return self.fail(line, "a box with an area", format!("one of {} x {}", rect.width, rect.height));
        }
        if let Some(size) = size {
            check_overlap(self.path, line, rect, size)?;
        }
        Ok(Some(FaceBox { rect, parts: BTreeMap::new(), decimals: 0, line }))
    }

    fn part(
        &self,
        line: usize,
        attributes: &BTreeMap<String, String>,
        face: &FaceBox,
    ) -> Result<(usize, Point, usize)> {
        let text = |name: &str| match attributes.get(name) {
            Some(v) => Ok(v.trim()),
            None => self.fail(line, format!("a part with its {name}"), "none"),
        };
        let name = index(self.path, line, "a part's name", text("name")?)?;
        let at = Point::new(number(self.path, line, "x", text("x")?)?, number(self.path, line, "y", text("y")?)?);
        if face.parts.contains_key(&name) {
            return self.fail(line, "each part once", format!("part {name:02} again"));
        }
        let (r, reach) = (face.rect, REACH * face.rect.width.max(face.rect.height));
        let near = |v: f64, from: f64, extent: f64| v >= from - reach && v <= from + extent + reach;
        // A mark of a hidden point is nowhere.
        if !is_mark(at) && (!near(at.x, r.x, r.width) || !near(at.y, r.y, r.height)) {
            return self.fail(line, format!("part {name:02} near its box"), format!("({}, {})", at.x, at.y));
        }
        let decimals = |v: &str| v.split_once('.').map_or(0, |(_, d)| d.len());
        Ok((name, at, decimals(text("x")?).max(decimals(text("y")?))))
    }
}

/// Whether a box is to be ignored, by its attribute `ignore`.
pub(crate) fn is_ignored(value: Option<&str>) -> bool {
    value.is_some_and(|v| !matches!(v.trim(), "" | "0" | "false"))
}

/// Refuses a box that shows nothing of its picture.
pub(crate) fn check_overlap(path: &Path, line: usize, rect: Rect, size: Size) -> Result<()> {
    let area = size.area();
    let meets = |a: f64, la: f64, b: f64, lb: f64| a < b + lb && b < a + la;
    if meets(rect.x, rect.width, area.x, area.width) && meets(rect.y, rect.height, area.y, area.height) {
        return Ok(());
    }
    let got = format!("left {} top {} width {} height {}", rect.x + 0.5, rect.y + 0.5, rect.width, rect.height);
    Err(Error::format(path, Some(line), format!("a box within {}x{} pixels", size.width, size.height), got))
}

fn newlines(text: &str, from: usize, to: usize) -> usize {
    let bytes = text.as_bytes().get(from..to.min(text.len())).unwrap_or_default();
    bytes.iter().filter(|&&b| b == b'\n').count()
}

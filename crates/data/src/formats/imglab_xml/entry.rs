//! What an imglab list says of a picture: its boxes, their parts as the points of a face, and where the file lies.

use super::super::{Shape, quoted, visible};
use crate::{
    error::{Error, Result},
    io,
};
use candle_vision_helpers::{Point, Rect, Size};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A picture of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Relative to the XML, with `/`, within its folder.
    pub file: String,
    /// Size in pixels, where the list has it.
    pub size: Option<Size>,
    /// Boxes that are not marked `ignore`.
    pub boxes: Vec<FaceBox>,
    /// Number of boxes that are marked `ignore`.
    pub ignored: usize,
    /// Line of the picture in the list, 1-based.
    pub line: usize,
}

/// A box and its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceBox {
    /// The box, 0-based pixels.
    pub rect: Rect,
    /// Parts by number: position in 0-based pixels, and line.
    pub parts: BTreeMap<usize, (Point, usize)>,
    /// Largest number of decimals that a part was written with.
    pub decimals: usize,
    /// Line of the box in the list, 1-based.
    pub line: usize,
}

impl FaceBox {
    /// The points `0..count`; `path` is for the errors.
    ///
    /// # Errors
    /// When a part is missing or beyond `count`, or most parts are marks of hidden points.
    pub fn shape(&self, path: &Path, count: usize) -> Result<Shape> {
        if let Some((&name, &(_, line))) = self.parts.range(count..).next() {
            return Err(Error::format(
                path,
                Some(line),
                format!("parts 0 to {}", count.saturating_sub(1)),
                format!("part {name}"),
            ));
        }
        let missing: Vec<String> =
            (0..count).filter(|i| !self.parts.contains_key(i)).map(|i| format!("{i:02}")).collect();
        if !missing.is_empty() {
            let got = match (self.parts.len(), &missing[..]) {
                (0, _) => "one without parts".to_owned(),
                (_, [one]) => format!("none called {one}"),
                (_, few) if few.len() <= 5 => format!("none called {}", few.join(", ")),
                (n, [first, ..]) => format!("one with {n}: {first} and {} others are missing", missing.len() - 1),
                (n, []) => format!("one with {n}"),
            };
            return Err(Error::format(path, Some(self.line), format!("a box with {count} parts"), got));
        }
        let (points, lines): (Vec<Point>, Vec<usize>) = self.parts.values().copied().unzip();
        let visible = visible(path, Some(self.line), points.iter().copied())?;
        Ok(Shape { points, visible, lines })
    }
}

/// The picture's path, with links followed.
///
/// # Errors
/// When there is none, or it is not below the folder of `xml`.
pub fn resolve(xml: &Path, picture: &Picture) -> Result<PathBuf> {
    let folder = xml.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    io::within(folder, &picture.file)
        .map_err(|expected| Error::format(xml, Some(picture.line), expected, quoted(&picture.file)))
}

//! Annotations read again and changed where they stand: of a file only the points change that were moved.

mod coco;
mod csv;
mod entries;
mod imglab;
mod last;
mod pts;
mod text;

pub use entries::{Entry, entries, unannotated};
pub use last::LastRead;

use crate::{
    datasets::record::check_reach,
    error::{Error, Result},
    formats::{Shape, pts as pts_format},
    io::{alone, write_whole},
    keypoints::Keypoints,
    source::{Place, Source},
};
use candle_vision_helpers::{Point, Rect, Size};
use sha2::{Digest, Sha256};
use std::{fs, io::ErrorKind};
use text::Text;

/// An annotation as its file has it at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The face's points.
    pub shape: Shape,
    /// SHA-256 of the whole file, in hexadecimal digits.
    pub digest: String,
}

/// Pixels that are no move: numbers may lose a last bit where they pass as text.
const UNMOVED: f64 = 1e-6;
/// Pixels by which writing with decimals may move a point.
const ROUNDING: f64 = 0.01;

/// What becomes of a point: a new place in 0-based pixels, or none where it is hidden.
type Change = (usize, Option<Point>);

impl Source {
    /// Reads the `count` points as they are now; `None` where there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read or breaks its format.
    pub fn read(&self, count: usize) -> Result<Option<Standing>> {
        self.read_after(count, &LastRead::default())
    }

    /// [`Source::read`] for whoever looks at many annotations: the file that was read last is not parsed again, unless
    /// it changed.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read_after(&self, count: usize, last: &LastRead) -> Result<Option<Standing>> {
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound && self.place == Place::Pts => return Ok(None),
            Err(e) => return Err(Error::io(&self.file, e)),
        };
        let digest = digest(&bytes);
        let shape = match self.place {
            Place::Coco { annotation } => self.counted(last.coco(&self.file, (&digest, &bytes), annotation)?, count)?,
            _ => self.shape(&Text::of(&bytes).content, count)?,
        };
        Ok(Some(Standing { shape, digest }))
    }

    /// Writes those of the points of a picture of `size` that differ from the file's, and returns the file's new
    /// digest. `known` is the digest of the file that the caller read, `None` where there was none.
    ///
    /// # Errors
    /// [`Error::Changed`] when the file is another one now, also where several processes save at a time; when it cannot
    /// be written, or the points would not be read back: far outside of the picture, all in one place, or most of them
    /// hidden where the format has marks for that.
    pub fn save(&self, known: Option<&str>, face: &Keypoints, size: Size) -> Result<String> {
        let (points, visible) = (face.points(), face.visible());
        let shape = Shape { points: points.to_vec(), visible: visible.to_vec(), lines: Vec::new() };
        check_reach(&self.file, &shape, size)?;
        let area = Rect::around(&face.annotated().collect::<Vec<_>>());
        if !area.is_some_and(|r| r.width > 0.0 && r.height > 0.0) {
            let got = "points in one place or on one line";
            return Err(self.refused("points that span a face".into(), got.into()));
        }
        let _alone = alone(&self.file);
        let bytes = match fs::read(&self.file) {
            Ok(bytes) if known == Some(&*digest(&bytes)) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound && known.is_none() && self.place == Place::Pts => {
                return self.write(pts::of(points, visible).into_bytes(), points, visible);
            }
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io(&self.file, e)),
            _ => return Err(Error::Changed { path: self.file.clone() }),
        };
        let text = Text::of(&bytes);
        let now = self.shape(&text.content, points.len())?;
        let far = |i: usize| (now.points[i].x - points[i].x).hypot(now.points[i].y - points[i].y);
        let is_same = |i: usize| now.visible[i] == visible[i] && (!visible[i] || far(i) < UNMOVED);
        let change = |i: usize| (i, visible[i].then_some(points[i]));
        let changes: Vec<Change> = (0..points.len()).filter(|&i| !is_same(i)).map(change).collect();
        if changes.is_empty() {
            return Ok(digest(&bytes));
        }
        let path = &self.file;
        let changed = match self.place {
            Place::Pts => pts::change(&text.content, &now, &changes),
            Place::Imglab { picture, face } => imglab::change(path, &text.content, (picture, face), &changes)?,
            Place::Coco { annotation } => coco::change(path, &text.content, annotation, &changes)?,
            Place::Csv { row } => csv::change(path, &text.content, row, &changes)?,
        };
        self.write(text.encode(changed), points, visible)
    }

    /// Writes a file that is read back as these points.
    fn write(&self, bytes: Vec<u8>, points: &[Point], visible: &[bool]) -> Result<String> {
        let back = self.shape(&Text::of(&bytes).content, points.len())?;
        let near = |i: usize| (back.points[i].x - points[i].x).hypot(back.points[i].y - points[i].y) < ROUNDING;
        let is_same = |&i: &usize| back.visible[i] == visible[i] && (!visible[i] || near(i));
        if let Some(i) = (0..points.len()).find(|i| !is_same(i)) {
            let got = "a place that this format reads as a hidden point, or cannot write".to_owned();
            return Err(self.refused(format!("a place for point {i} that is read back"), got));
        }
        write_whole(&self.file, &bytes)?;
        Ok(digest(&bytes))
    }

    fn shape(&self, text: &str, count: usize) -> Result<Shape> {
        let path = &self.file;
        let shape = match self.place {
            Place::Pts => pts_format::parse(path, text, count)?,
            Place::Imglab { picture, face } => imglab::read(path, text, (picture, face), count)?,
            Place::Coco { annotation } => coco::read(path, text, annotation)?,
            Place::Csv { row } => csv::read(path, text, row)?,
        };
        self.counted(shape, count)
    }

    fn counted(&self, shape: Shape, count: usize) -> Result<Shape> {
        match shape.points.len() {
            n if n == count => Ok(shape),
            n => Err(self.refused(format!("{count} points"), n.to_string())),
        }
    }

    fn refused(&self, expected: String, got: String) -> Error {
        Error::format(&self.file, None, expected, got)
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

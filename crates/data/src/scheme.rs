//! Point schemes as values read from TOML: how many points, their groups, which pairs swap in a mirror, what errors are
//! divided by.

mod built_in;
mod file;
mod serial;

pub(crate) use built_in::all;
pub use built_in::{IBUG_68, IMM_58, NOSE_1, by_name};
pub use serial::named;

use crate::error::{Error, Result};
use candle_vision_helpers::{Point, Rect};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A set of keypoints with fixed order and meaning. Sound by construction: [`Scheme::from_toml`] checks what it reads,
/// as does every deserializer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "file::File", into = "file::File")]
pub struct Scheme {
    name: String,
    names: Vec<String>,
    len: usize,
    groups: Vec<Group>,
    mirror: Option<Vec<usize>>,
    normalizer: Option<Normalizer>,
    normalizer_pupil: Option<Normalizer>,
    part_of: Option<PartOf>,
}

/// Consecutive points that belong together, in drawing order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The heading in tables and plots.
    pub name: String,
    /// The group's points.
    pub points: Range<usize>,
    /// How the points are joined in drawings.
    pub outline: Outline,
}

/// How the points of a group are joined in drawings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outline {
    /// A line from the first point to the last.
    #[default]
    Open,
    /// A line that returns to the first point.
    Closed,
    /// No line.
    None,
}

/// What errors are divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalizer {
    /// The words for tables, such as `interocular (outer eye corners)`.
    pub name: String,
    /// The length itself.
    pub length: Length,
}

/// A length of a face or another object, in pixels of its picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Length {
    /// Between the means of two sets of points.
    Between(Vec<usize>, Vec<usize>),
    /// The diagonal of the object's box.
    Diagonal,
    /// The geometric mean of the sides of the object's box.
    Side,
}

/// The larger scheme whose points some points are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartOf {
    /// The larger scheme's name.
    pub scheme: String,
    /// For each point, its index in the larger scheme.
    pub points: Vec<usize>,
}

/// Reads `what` from TOML, as [`Scheme::from_toml`] does.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(file: &std::path::Path, what: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| {
        let line = e.span().and_then(|s| text.get(..s.start)).map(|before| before.matches('\n').count() + 1);
        let got = e.message().replace('\n', " ");
        Error::format(file, line.filter(|_| !got.contains("expected")), what, got)
    })
}

impl Scheme {
    /// Reads a scheme from TOML; `file` is what errors call it.
    ///
    /// # Errors
    /// One line with the file, the line where TOML knows it, the key, what was expected and what was there.
    pub fn from_toml(file: &std::path::Path, text: &str) -> Result<Self> {
        read_toml(file, "a scheme", text)
    }

    /// The name in recipes and weight files: `imm58`, `ibug68`, `nose1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a scheme has one point at least.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The points' names, in order; none where the scheme does not name them.
    pub fn point_names(&self) -> &[String] {
        &self.names
    }

    /// The groups, which cover all points, in order, without overlap.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// For each point the one that it becomes in a mirror, an involution; `None` where a mirror image is no object of
    /// this kind.
    pub fn mirror(&self) -> Option<&[usize]> {
        self.mirror.as_deref()
    }

    /// What errors are divided by for the NME; on faces the distance of the outer eye corners, the field's standard.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// What errors are divided by for a second NME; on faces the distance of the eye centres (means of the eyes'
    /// points).
    pub fn normalizer_pupil(&self) -> Option<&Normalizer> {
        self.normalizer_pupil.as_ref()
    }

    /// The larger scheme whose points these are. The normalizers' indices are then those of the larger scheme.
    pub fn part_of(&self) -> Option<&PartOf> {
        self.part_of.as_ref()
    }

    /// The place of every point of this scheme among the points of `whole`; `None` where it is another scheme's.
    pub fn places_in(&self, whole: &Self) -> Option<Vec<usize>> {
        if self == whole {
            return Some((0..self.len).collect());
        }
        let part = self.part_of.as_ref().filter(|p| p.scheme == whole.name)?;
        part.points.iter().all(|&i| i < whole.len).then(|| part.points.clone())
    }
}

impl Normalizer {
    /// The length on a whole set of points and its box; `None` where points are missing, hidden or in one place.
    pub fn measure(&self, points: &[Point], visible: &[bool], area: Rect) -> Option<f64> {
        let mean = |set: &[usize]| {
            let shown = |&i: &usize| points.get(i).copied().filter(|_| visible.get(i).copied().unwrap_or(false));
            set.iter().map(shown).collect::<Option<Vec<_>>>().and_then(Point::mean)
        };
        let length = match &self.length {
            Length::Between(a, b) => mean(a)?.distance(mean(b)?),
            Length::Diagonal => area.width.hypot(area.height),
            Length::Side => (area.width * area.height).sqrt(),
        };
        Some(length).filter(|l| *l > 0.0 && l.is_finite())
    }
}

//! What a dataset format answers, and the kind of a dataset as recipes, packs and commands name it.

use crate::{
    dataset::{Dataset, Frame},
    datasets::report::CheckReport,
    error::Result,
    scheme::Scheme,
};
use std::{fmt, path::Path, sync::Arc};

/// Reads the annotations of a folder; the scheme is the one that is asked for.
type Open = fn(&Path, Option<&Arc<Scheme>>) -> Result<Box<dyn Dataset>>;

/// All that is asked of a format; a row of the table in `mod.rs`.
pub(crate) struct Format {
    /// Name in recipes, in packs and on the command line.
    pub name: &'static str,
    /// What a folder of the format holds, for errors.
    pub expected: &'static str,
    /// Start of its folder's name as published; a parent folder may hold it beside others.
    pub folder: Option<&'static str>,
    /// Name of the scheme of its datasets, where none other is asked for; `None` where the files say it.
    pub scheme: Option<&'static str>,
    /// Frame that a guess without looking is relative to.
    pub frame: Frame,
    /// Whether a folder is of this format by the files in it.
    pub holds: fn(&Path) -> Result<bool>,
    /// The same of files in folders of any name and depth, for a format that reads those; asked after all else.
    pub holds_below: Option<fn(&Path) -> Result<bool>>,
    /// How many points its first object has.
    pub points: fn(&Path) -> Result<usize>,
    /// Reads every annotation; the first broken one is the error. A format that leaves open what its points mean reads
    /// them as those of the scheme that is asked for.
    pub open: Open,
    /// Reads and decodes everything, as it opens it, and lists all that is broken.
    pub check: fn(&Path, Option<&Arc<Scheme>>) -> Result<CheckReport>,
}

/// A format of datasets, by its name in recipes, in packs and on the command line.
#[derive(Clone, Copy)]
pub struct DatasetKind {
    name: &'static str,
    format: &'static Format,
    part: Option<&'static str>,
}

impl DatasetKind {
    pub(crate) const fn of(format: &'static Format) -> Self {
        Self { name: format.name, format, part: None }
    }

    /// This format seen through the smaller scheme `part`, under a name of its own.
    pub(crate) const fn through(self, part: &'static str, name: &'static str) -> Self {
        Self { name, part: Some(part), ..self }
    }

    /// The name in recipes, in packs and on the command line.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Name of the scheme of its datasets, where none other is asked for; `None` where the files say it.
    pub fn scheme_name(self) -> Option<&'static str> {
        self.part.or(self.format.scheme)
    }

    /// Name of the smaller scheme through which old recipes and packs see the format.
    pub(crate) fn part(self) -> Option<&'static str> {
        self.part
    }

    pub(crate) fn format(self) -> &'static Format {
        self.format
    }

    /// Whether `dir` itself, without its parent's or children's help, is of this format.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn holds(self, dir: &Path) -> Result<bool> {
        Ok(dir.is_dir() && (self.format.holds)(dir)?)
    }

    /// Whether a file or folder is called as the format's publisher called it.
    pub(crate) fn is_published_as(self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.format.folder.is_some_and(|folder| name.starts_with(folder))
    }
}

impl PartialEq for DatasetKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for DatasetKind {}

impl fmt::Debug for DatasetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

//! iBUG 300-W: 68 points on faces of AFW, HELEN, LFPW and iBUG, in dlib's XML lists and in `.pts` beside the pictures.
//!
//! Sagonas, Antonakos, Tzimiropoulos, Zafeiriou, Pantic: 300 faces in-the-wild challenge, Image and Vision Computing
//! 2016. Where a picture has one face and a `.pts` beside it, the `.pts` is the annotation (it has more decimals) and
//! the list gives only box and membership; elsewhere the list's parts are. The standard split goes by folder, so both
//! ways of naming the faces give the same parts.

use crate::{
    dataset::{Dataset, Frame},
    datasets::{
        format::{DatasetKind, Format},
        record::{is_rendered, nth},
    },
    error::{Error, Result},
    io,
    sample::{Annotation, Sample},
    scheme::{IBUG_68, Scheme},
    source::Source,
    split::{Split, fit_and_val},
};
use std::{path::Path, sync::Arc};

mod check;
mod read;
pub(crate) use read::{Face, read_all};
use read::{STANDARD_FOLDERS, lists};

static FORMAT: Format = Format {
    name: "ibug68",
    expected: "iBUG 300-W (labels_ibug_300W*.xml)",
    folder: Some("ibug_300W"),
    scheme: Some("ibug68"),
    frame: Frame::Box,
    holds,
    holds_below: None,
    points: |_| Ok(IBUG_68.len()),
    open: |dir, _| Ok(Box::new(IbugDataset::open(dir)?)),
    check: |dir, _| check::check(dir),
};

/// iBUG 300-W, 68 points, in its standard split.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

fn holds(dir: &Path) -> Result<bool> {
    if !lists(dir)?.is_empty() {
        return Ok(true);
    }
    let folders = STANDARD_FOLDERS.iter().map(|(f, _)| dir.join(f));
    folders.filter(|f| f.is_dir()).try_fold(false, |any, f| Ok(any || io::has_any(&f, "pts")?))
}

/// The rule by which faces train or test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lists {
    /// By folder: train is afw, helen/trainset, lfpw/trainset; common helen/testset, lfpw/testset; challenging ibug.
    #[default]
    Standard,
    /// `labels_ibug_300W_train.xml` and `…_test.xml` as they are; in dlib's package, a random mix of all folders.
    /// Errors on one must not be compared with errors on the other.
    Dlib,
}

/// The box that stands for a face.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boxes {
    /// The smallest box around the points, the protocol of the field's tables.
    #[default]
    Tight,
    /// The list's box (in dlib's package, a detector's); the tight one where there is no list.
    List,
}

/// The reading of an iBUG folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The rule by which faces train or test.
    pub lists: Lists,
    /// The box that stands for a face.
    pub boxes: Boxes,
    /// Keeps the package's mirrored copies (`…_mirror`). By default they are dropped: from training, since the loader
    /// mirrors by itself, and from everything under [`Lists::Standard`]; dlib's own test list keeps them.
    pub keep_mirrors: bool,
}

/// A part of the standard split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Common,
    Challenging,
    /// In none of the standard folders: only in `All`.
    Other,
}

/// The faces of an iBUG folder.
#[derive(Debug)]
pub struct IbugDataset {
    faces: Vec<Face>,
    options: Options,
    synthetic: bool,
}

impl IbugDataset {
    /// Reads every annotation in `dir`, for the standard split, without mirror copies.
    ///
    /// # Errors
    /// When there is none, or the first one that is broken.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::with_options(dir, Options::default())
    }

    /// Reads every annotation in `dir`.
    ///
    /// # Errors
    /// When there is none, or the first one that is broken.
    pub fn with_options(dir: &Path, options: Options) -> Result<Self> {
        let mut faces = read_all(dir, options.boxes)?.into_iter().collect::<Result<Vec<_>>>()?;
        if !options.keep_mirrors {
            faces.retain(|f| !f.mirror || (options.lists == Lists::Dlib && f.list == Some(List::Test)));
        }
        if options.lists == Lists::Dlib && faces.iter().all(|f| f.list.is_none()) {
            return Err(Error::none(dir, "labels_ibug_300W_train.xml or _test.xml"));
        }
        Ok(Self { faces, options, synthetic: is_rendered(dir) })
    }

    fn indices(&self, keep: impl Fn(&Face) -> bool) -> Vec<usize> {
        self.faces.iter().enumerate().filter(|(_, f)| keep(f)).map(|(i, _)| i).collect()
    }

    fn train(&self) -> Vec<usize> {
        match self.options.lists {
            Lists::Standard => self.indices(|f| f.part == Part::Train),
            Lists::Dlib => self.indices(|f| f.list == Some(List::Train)),
        }
    }
}

/// The two lists of dlib's package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Train,
    Test,
}

impl Dataset for IbugDataset {
    fn scheme(&self) -> &Arc<Scheme> {
        &IBUG_68
    }

    fn len(&self) -> usize {
        self.faces.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        nth(&self.faces, i)?.record.load()
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        Ok(nth(&self.faces, i)?.record.annotation())
    }

    fn source(&self, i: usize) -> Option<&Source> {
        self.faces.get(i)?.record.source.as_ref()
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let standard = self.options.lists == Lists::Standard;
        let found = match split {
            Split::Train => self.train(),
            Split::Fit => fit_and_val(&self.train()).0,
            Split::Val => fit_and_val(&self.train()).1,
            Split::Common if standard => self.indices(|f| f.part == Part::Common),
            Split::Challenging if standard => self.indices(|f| f.part == Part::Challenging),
            Split::Test | Split::Full if standard => {
                self.indices(|f| matches!(f.part, Part::Common | Part::Challenging))
            }
            Split::Test => self.indices(|f| f.list == Some(List::Test)),
            Split::All => (0..self.len()).collect(),
            Split::Common | Split::Challenging | Split::Full => {
                return Err(Error::Invalid(format!(
                    "expected a split of dlib's lists (train, fit, val, test, all), got {}: it belongs to the standard split",
                    split.name()
                )));
            }
        };
        let train = self.train();
        if found.is_empty() && split == Split::Fit && !train.is_empty() {
            return Err(Split::none_left(train.len(), &self.describe()));
        }
        if found.is_empty() {
            return Err(Error::Invalid(format!(
                "{}: expected faces of the split {}, found none",
                self.describe(),
                split.name()
            )));
        }
        Ok(found)
    }

    fn describe(&self) -> String {
        let what = if self.synthetic { "rendered faces in iBUG 300-W's format" } else { "iBUG 300-W" };
        let split = match self.options.lists {
            Lists::Standard => "standard split",
            Lists::Dlib => "dlib's lists",
        };
        format!("{what}, {} faces, {split}", self.len())
    }

    fn is_synthetic(&self) -> bool {
        self.synthetic
    }
}

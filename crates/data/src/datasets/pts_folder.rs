//! A folder of pictures with `.pts` beside them, at any depth: frames of videos, one's own annotations.

use crate::{
    dataset::{Dataset, Frame},
    datasets::{
        contents,
        format::{DatasetKind, Format},
        ibug,
        record::{Record, is_rendered, nth},
        report::CheckReport,
    },
    error::{Error, Result},
    formats::pts,
    io,
    sample::{Annotation, Sample},
    scheme::{IBUG_68, Scheme},
    split::{Split, fit_and_val},
};
use rayon::prelude::*;
use std::{collections::BTreeSet, path::Path, sync::Arc};

static FORMAT: Format = Format {
    name: "pts68",
    expected: "pictures beside .pts",
    folder: Some("ytf_68"),
    scheme: Some("ibug68"),
    frame: Frame::Box,
    holds: |dir| Ok(io::has_any(dir, "pts")? && holds_below(dir)?),
    holds_below: Some(holds_below),
    hint: None,
    open: |dir| Ok(Box::new(PtsFolder::open(dir, &IBUG_68)?)),
    check,
};

/// A folder of pictures beside `.pts` files of 68 points, such as the frames of YouTube Faces or your own.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// Whether there are points at any depth; but nothing of iBUG 300-W, whose test faces must not come into training by
/// this door.
fn holds_below(dir: &Path) -> Result<bool> {
    let points = io::walk(dir, &|p| io::has_extension(p, "pts"))?;
    let folders: BTreeSet<&Path> = points.iter().flat_map(|p| p.ancestors().skip(1)).collect();
    for folder in folders.into_iter().filter(|f| f.starts_with(dir)) {
        if ibug::KIND.holds(folder)? {
            return Ok(false);
        }
    }
    Ok(!points.is_empty())
}

/// The faces of a folder.
#[derive(Debug)]
pub struct PtsFolder {
    records: Vec<Record>,
    scheme: Arc<Scheme>,
    name: String,
    synthetic: bool,
}

impl PtsFolder {
    /// Reads every `.pts` below `dir`, each with the points of `scheme`.
    ///
    /// # Errors
    /// When there is none, or the first one that is broken or has no picture beside it.
    pub fn open(dir: &Path, scheme: &Arc<Scheme>) -> Result<Self> {
        let records = read_all(dir, scheme)?.into_iter().collect::<Result<Vec<_>>>()?;
        let name = dir.canonicalize().unwrap_or_else(|_| dir.into());
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { records, scheme: Arc::clone(scheme), name, synthetic: is_rendered(dir) })
    }
}

impl Dataset for PtsFolder {
    fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        nth(&self.records, i)?.load()
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        Ok(nth(&self.records, i)?.annotation())
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let all: Vec<usize> = (0..self.len()).collect();
        match split {
            Split::Train | Split::All => Ok(all),
            Split::Fit if all.len() < 2 => Err(Split::none_left(all.len(), &self.describe())),
            Split::Fit => Ok(fit_and_val(&all).0),
            Split::Val => Ok(fit_and_val(&all).1),
            Split::Test | Split::Common | Split::Challenging | Split::Full => Err(Error::Invalid(format!(
                "expected a split of a points folder (train, fit, val, all), got {}",
                split.name()
            ))),
        }
    }

    fn describe(&self) -> String {
        let rendered = if self.synthetic { "rendered faces in " } else { "" };
        format!("{rendered}points folder {}, {} faces", self.name, self.len())
    }

    fn is_synthetic(&self) -> bool {
        self.synthetic
    }
}

/// Every `.pts` below `dir`, in the order of paths.
///
/// # Errors
/// When `dir` cannot be listed or has none; a broken one is an error within.
pub(crate) fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
    let annotations = io::walk(dir, &|p| io::has_extension(p, "pts"))?;
    if annotations.is_empty() {
        return Err(contents::nothing(dir, "points (.pts) beside pictures"));
    }
    let mut all: Vec<_> = annotations.par_iter().map(|path| Ok((path, read_one(dir, path, scheme)?))).collect();
    all.sort_by(|a, b| id(a).cmp(&id(b)));
    let mut last = String::new();
    // `a.pts` and `a.PTS` are two files of one name.
    let once = all.into_iter().map(|face| {
        let (path, record) = face?;
        if record.id == last {
            return Err(Error::format(path, None, "one annotation of each picture", format!("{last} again")));
        }
        last.clone_from(&record.id);
        Ok(record)
    });
    Ok(once.collect())
}

/// Broken ones come first: they stop the reading anyway.
fn id<T>(face: &Result<(T, Record)>) -> Option<&str> {
    face.as_ref().ok().map(|(_, r)| r.id.as_str())
}

/// The face of one `.pts`; its subset is its folder below `dir`.
pub(crate) fn read_one(dir: &Path, path: &Path, scheme: &Arc<Scheme>) -> Result<Record> {
    let shape = pts::read(path, scheme.len())?;
    let picture = io::picture_beside(path)
        .ok_or_else(|| Error::format(path, None, "a JPEG or PNG picture of the same name beside it", "none"))?;
    let id = io::id_below(dir, path);
    let subset = id.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut record = Record::new(id, picture, scheme, shape, path)?;
    record.subset = subset;
    Ok(record)
}

fn check(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport::of("points folder");
    let sound = report.decoded(read_all(dir, &IBUG_68)?, |f| f);
    report.fact("faces", sound.len());
    report.fact("points", "68 each");
    report.hidden(sound.iter().map(|r| &r.points));
    report.outside(sound.iter());
    report.sizes(sound.iter());
    Ok(report)
}

//! The recogniser: what a folder holds, for every command that is given one.

use crate::{
    dataset::Dataset,
    datasets::{contents, faces::SCHEME, format::DatasetKind, pack::PackDataset, report::CheckReport, subset},
    error::{Error, Result},
    io,
    scheme::{self, Scheme},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A dataset that was recognised and not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its format; of a pack, what was packed.
    pub kind: DatasetKind,
    /// The dataset's folder, or a `.fkpack`.
    pub path: PathBuf,
}

impl Found {
    /// Whether the dataset is a pack.
    pub(crate) fn is_pack(&self) -> bool {
        is_pack(&self.path)
    }

    /// Reads every annotation.
    ///
    /// # Errors
    /// The first annotation that is broken.
    pub fn open(&self) -> Result<Box<dyn Dataset>> {
        self.open_as(None)
    }

    /// [`Found::open`], or, where no scheme has as many points, without a meaning of theirs.
    ///
    /// # Errors
    /// The first annotation that is broken.
    pub fn open_plain(&self) -> Result<Box<dyn Dataset>> {
        let error = match self.open() {
            Ok(set) => return Ok(set),
            Err(error) if self.is_pack() => return Err(error),
            Err(error) => error,
        };
        match self.plain() {
            Some(plain) => self.open_as(Some(&plain)),
            None => Err(error),
        }
    }

    /// As many points as the first object has, where no scheme describes so many and none lies beside them.
    fn plain(&self) -> Option<Arc<Scheme>> {
        let count = (self.kind.format().points)(&self.path).ok()?;
        let is_known = self.path.join(SCHEME).is_file() || scheme::all().iter().any(|known| known.len() == count);
        if is_known { None } else { Scheme::of_count(count).ok().map(Arc::new) }
    }

    /// [`Found::open`]; where the files leave open what their points mean, they are those of `scheme`.
    pub(crate) fn open_as(&self, scheme: Option<&Arc<Scheme>>) -> Result<Box<dyn Dataset>> {
        if self.is_pack() {
            return Ok(Box::new(PackDataset::open(&self.path)?));
        }
        let set = (self.kind.format().open)(&self.path, scheme)?;
        match self.kind.part() {
            Some(part) => subset::through_named(set, part),
            None => Ok(set),
        }
    }

    pub(crate) fn check(&self) -> Result<CheckReport> {
        if self.is_pack() {
            return PackDataset::check(&self.path);
        }
        let check = |scheme: Option<&Arc<Scheme>>| (self.kind.format().check)(&self.path, scheme);
        let usual = check(None);
        let is_read = |report: &CheckReport| report.facts.iter().any(|(name, value)| name == "faces" && value != "0");
        match self.plain().filter(|_| !usual.as_ref().is_ok_and(is_read)) {
            None => usual,
            Some(plain) => {
                let mut report = check(Some(&plain))?;
                report.fact("meaning", "no scheme of so many points; `facekp init` proposes one");
                Ok(report)
            }
        }
    }
}

/// The datasets in `dir`: what `dir` itself is (a folder or a pack), else what its children are, sorted by path.
///
/// What a folder is, is known by what it holds, whatever its name. A folder of nothing but points folders is one points
/// folder, except for published ones. Nothing that holds iBUG 300-W is a points folder, since its test faces would come
/// into training.
///
/// # Errors
/// When nothing is there, with what is there instead; when a folder cannot be listed or a pack not be read.
pub fn find(dir: &Path) -> Result<Vec<Found>> {
    let found = find_all(dir)?;
    if found.is_empty() { Err(nothing(dir, &DatasetKind::expected())) } else { Ok(found) }
}

/// The dataset in `dir` that a command takes which needs one: the first by format, then by path.
///
/// # Errors
/// The same as those of [`find`].
pub fn find_first(dir: &Path) -> Result<Found> {
    let rank = |found: &Found| DatasetKind::ALL.iter().position(|&kind| kind == found.kind);
    let first = find(dir)?.into_iter().min_by_key(rank);
    first.ok_or_else(|| nothing(dir, &DatasetKind::expected()))
}

/// The datasets as [`find`] has them; an empty list where there are none.
pub(crate) fn find_all(dir: &Path) -> Result<Vec<Found>> {
    if let Some(found) = itself(dir)? {
        return Ok(vec![found]);
    }
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut children = Vec::new();
    for path in io::list(dir)? {
        let found = if is_pack(&path) {
            itself(&path)?
        } else {
            // A folder that may not be read is none of ours.
            itself(&path).and_then(|found| found.map_or_else(|| below(&path), |found| Ok(Some(found)))).unwrap_or(None)
        };
        children.extend(found);
    }
    let apart = |f: &Found| f.is_pack() || f.kind.format().holds_below.is_none() || f.kind.is_published_as(&f.path);
    if children.iter().any(apart) {
        return Ok(children);
    }
    Ok(below(dir)?.into_iter().collect())
}

/// The dataset that `path` is by itself.
fn itself(path: &Path) -> Result<Option<Found>> {
    if is_pack(path) && path.is_file() {
        return Ok(Some(Found { kind: PackDataset::kind_of(path)?, path: path.into() }));
    }
    for &kind in DatasetKind::ALL {
        if kind.holds(path)? {
            return Ok(Some(Found { kind, path: path.into() }));
        }
    }
    Ok(None)
}

/// The dataset that `path` is by files in folders of any name below it.
fn below(path: &Path) -> Result<Option<Found>> {
    for &kind in DatasetKind::ALL {
        if let Some(holds) = kind.format().holds_below
            && path.is_dir()
            && holds(path)?
        {
            return Ok(Some(Found { kind, path: path.into() }));
        }
    }
    Ok(None)
}

fn is_pack(path: &Path) -> bool {
    io::has_extension(path, "fkpack")
}

/// The error of a place that holds nothing of what was expected, with what it holds instead.
pub(crate) fn nothing(dir: &Path, expected: &str) -> Error {
    let others: Vec<String> = find_all(dir).unwrap_or_default().iter().map(|f| named(f, dir)).collect();
    if others.is_empty() {
        return contents::nothing(dir, expected);
    }
    Error::Empty { path: dir.into(), expected: expected.into(), found: others.join(", ") }
}

/// `ibug68` of `dir` itself, `ibug68 in ibug_300W` of a child.
pub(crate) fn named(found: &Found, dir: &Path) -> String {
    match found.path.strip_prefix(dir) {
        Ok(child) if !child.as_os_str().is_empty() => format!("{} in {}", found.kind.name(), child.display()),
        _ => found.kind.name().to_owned(),
    }
}

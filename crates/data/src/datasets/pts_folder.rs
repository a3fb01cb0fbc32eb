//! A folder of pictures with `.pts` next to them, at any depth: frames of videos, your own annotations.

use crate::{
    dataset::Frame,
    datasets::{
        contents, faces,
        format::{DatasetKind, Format},
        ibug,
        record::Record,
    },
    error::{Error, KINDS, Result},
    formats::pts,
    io,
    scheme::{IBUG_68, Scheme},
    source::{Place, Source},
};
use rayon::prelude::*;
use std::{collections::BTreeSet, path::Path, sync::Arc};

const WHAT: &str = "points folder";

static FORMAT: Format = Format {
    name: "pts68",
    expected: "pictures beside .pts",
    folder: Some("ytf_68"),
    scheme: Some("ibug68"),
    frame: Frame::Box,
    holds: |dir| Ok(io::has_any(dir, "pts")? && holds_below(dir)?),
    holds_below: Some(holds_below),
    points: |dir| match io::walk(dir, &|p| io::has_extension(p, "pts"))?.first() {
        Some(file) => pts::count(file),
        None => Err(contents::nothing(dir, FORMAT.expected)),
    },
    open: |dir, wanted| faces::open(WHAT, dir, wanted, (scheme_of, read_all)),
    check: |dir, wanted| faces::check(WHAT, dir, wanted, (scheme_of, read_all)),
};

/// A folder of pictures beside `.pts` files, of 68 points unless the folder or who asks says otherwise, such as the
/// frames of YouTube Faces or your own.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// Whether there are points at any depth; but nothing of iBUG 300-W, whose test faces must not come into training in
/// this way.
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

/// The scheme of the folder or of those in it, else the one that is asked for or, where the files have as many points,
/// the one that it is a part of, else the 68 points that most such files have.
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>) -> Result<Arc<Scheme>> {
    let mut own: Option<Arc<Scheme>> = None;
    for file in io::walk(dir, &|p| p.file_name().is_some_and(|name| name == faces::SCHEME))? {
        let found = file.parent().map(faces::own_scheme).transpose()?.flatten();
        if own.as_ref().zip(found.as_ref()).is_some_and(|(own, found)| own != found) {
            return Err(Error::format(file, None, "one scheme in all folders of points", "another"));
        }
        own = own.or(found);
    }
    if let Some(own) = own {
        return Ok(own);
    }
    let Some(wanted) = wanted else { return Ok(Arc::clone(&IBUG_68)) };
    match faces::whole_of(wanted) {
        Some(whole) if (FORMAT.points)(dir)? == whole.len() => Ok(whole),
        _ => Ok(Arc::clone(wanted)),
    }
}

/// Every `.pts` below `dir`, in the order of paths.
///
/// # Errors
/// When `dir` cannot be listed or has none; a broken one is an error within.
fn read_all(dir: &Path, scheme: &Arc<Scheme>) -> Result<Vec<Result<Record>>> {
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
fn read_one(dir: &Path, path: &Path, scheme: &Arc<Scheme>) -> Result<Record> {
    let shape = pts::read(path, scheme.len())?;
    let picture = io::picture_beside(path)
        .ok_or_else(|| Error::format(path, None, format!("a {KINDS} picture of the same name beside it"), "none"))?;
    Ok(Record { source: Some(Source::new(path, Place::Pts)), ..Record::of(dir, picture, 1, scheme, (shape, path))? })
}

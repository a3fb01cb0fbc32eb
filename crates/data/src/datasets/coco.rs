//! COCO's keypoints: a `*.json` with images, annotations and categories, the pictures below its folder.

use crate::{
    dataset::Frame,
    datasets::{
        contents,
        faces::{self, Faces},
        format::{DatasetKind, Format},
        record::{Record, host_size},
    },
    error::{Error, Result},
    formats::{coco, quoted},
    io,
    scheme::Scheme,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

const WHAT: &str = "COCO keypoints";

static FORMAT: Format = Format {
    name: "coco",
    expected: "COCO keypoints (.json)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| Ok(!files(dir)?.is_empty()),
    holds_below: None,
    points: |dir| Ok(read(dir)?.first().map_or(0, |(_, coco)| coco.names.len())),
    open: |dir, wanted| {
        let read = read(dir)?;
        let scheme = scheme_of(dir, wanted, &read)?;
        Ok(Box::new(Faces::new(WHAT, dir, &scheme, records(dir, &scheme, read))?))
    },
    check: |dir| {
        let read = read(dir)?;
        let scheme = scheme_of(dir, None, &read)?;
        let skipped: usize = read.iter().map(|(_, c)| c.skipped).sum();
        let mut report = Faces::check(WHAT, &scheme, records(dir, &scheme, read));
        if skipped > 0 {
            report.fact("skipped", format!("{skipped} (crowds, and annotations whose marked points have no extent)"));
        }
        Ok(report)
    },
};

/// A folder with COCO keypoints.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// The files of this form in `dir`, with their texts.
fn files(dir: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for path in io::list(dir)?.into_iter().filter(|p| io::has_extension(p, "json") && p.is_file()) {
        let text = io::read_text(&path)?;
        if coco::is_one(&text) {
            files.push((path, text));
        }
    }
    Ok(files)
}

fn read(dir: &Path) -> Result<Vec<(PathBuf, coco::Coco)>> {
    let read = |(path, text): (PathBuf, String)| Ok(coco::parse(&path, &text)?.map(|coco| (path, coco)));
    let all = files(dir)?.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    let all: Vec<_> = all.into_iter().flatten().collect();
    match all.first() {
        None => Err(contents::nothing(dir, FORMAT.expected)),
        Some((path, _)) if all.iter().all(|(_, coco)| coco.objects.is_empty()) => {
            Err(Error::format(path, None, "an annotation with marked keypoints", "none"))
        }
        Some(_) => Ok(all),
    }
}

/// See [`faces::scheme_of`]; where none is asked for, points with names are what their category calls them, without a
/// mirror, their errors divided by the box's diagonal.
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>, read: &[(PathBuf, coco::Coco)]) -> Result<Arc<Scheme>> {
    let Some((path, first)) = read.first() else { return Err(contents::nothing(dir, FORMAT.expected)) };
    let count = first.names.len();
    if let Some((path, other)) = read.iter().find(|(_, c)| c.names != first.names) {
        let (expected, got) = (format!("the {count} keypoints of {}", first.category), other.category.clone());
        return Err(Error::format(path, None, expected, quoted(&got)));
    }
    let is_named = first.names.iter().any(|name| name.parse::<usize>().is_err());
    if is_named && wanted.is_none() && faces::own_scheme(dir)?.is_none() {
        return by_category(path, first).map(Arc::new);
    }
    let wrong = |n: String| Error::format(path, None, format!("{n} keypoints"), count.to_string());
    let scheme = faces::scheme_of(dir, wanted, count, wrong)?;
    let names = scheme.point_names();
    match names.iter().zip(&first.names).find(|(ours, theirs)| ours != theirs).filter(|_| is_named) {
        Some((ours, theirs)) => {
            Err(Error::format(path, None, format!("keypoints as in {}: {ours:?}", scheme.name()), quoted(theirs)))
        }
        None => Ok(scheme),
    }
}

fn by_category(path: &Path, coco: &coco::Coco) -> Result<Scheme> {
    let name: String = coco.category.chars().map(|c| if "/\\\n".contains(c) { '_' } else { c }).collect();
    let normalizer =
        toml::Table::from_iter([("name".into(), "box's diagonal".into()), ("box".into(), "diagonal".into())]);
    let table = toml::Table::from_iter([
        ("name".to_owned(), name.into()),
        ("points".to_owned(), coco.names.clone().into()),
        ("normalizer".to_owned(), normalizer.into()),
    ]);
    Scheme::from_toml(path, &table.to_string())
}

/// The objects of every file; a broken one is an error within.
fn records(dir: &Path, scheme: &Arc<Scheme>, read: Vec<(PathBuf, coco::Coco)>) -> Vec<Result<Record>> {
    let mut times = BTreeMap::new();
    let objects = read.into_iter().flat_map(|(path, c)| c.objects.into_iter().map(move |o| (path.clone(), o)));
    objects.map(|(path, object)| record(dir, &path, scheme, object, &mut times)).collect()
}

fn record(
    dir: &Path,
    path: &Path,
    scheme: &Arc<Scheme>,
    object: coco::Object,
    times: &mut BTreeMap<String, usize>,
) -> Result<Record> {
    let at = |expected: String| format!("annotation {} with {expected}", object.id);
    let picture = io::within(dir, &object.file)
        .map_err(|expected| Error::format(path, None, at(expected.to_owned()), quoted(&object.file)))?;
    let size = host_size(path, &picture)?;
    if let Some(stated) = object.size.filter(|s| *s != size) {
        let expected = at(format!("the picture's size {}x{}", size.width, size.height));
        return Err(Error::format(path, None, expected, format!("{}x{}", stated.width, stated.height)));
    }
    let (mut id, subset) = io::sample_id(dir, &picture);
    let again = times.entry(id.clone()).or_insert(0);
    *again += 1;
    if *again > 1 {
        id += &format!("#{again}");
    }
    let mut record = Record::new(id, picture, scheme, object.shape, path)?;
    record.subset = subset;
    Ok(record)
}

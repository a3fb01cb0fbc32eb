//! COCO's keypoints: a `*.json` with images, annotations and categories, the pictures below its folder.

use crate::{
    dataset::Frame,
    datasets::{
        contents,
        faces::{self, Faces},
        format::{DatasetKind, Format},
        record::{Numbers, Record, stated_size},
    },
    error::{Error, Result},
    formats::{coco, quoted},
    io,
    scheme::Scheme,
    source::{Place, Source},
};
use std::{
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
    check: |dir, wanted| {
        let read = read(dir)?;
        let scheme = scheme_of(dir, wanted, &read)?;
        let skipped: usize = read.iter().map(|(_, c)| c.skipped).sum();
        let mut report = Faces::check(WHAT, dir, &scheme, records(dir, &scheme, read));
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
    // results and other lists are large, and arrays
    for path in io::beginning(dir, "json", |text| text.starts_with('{'))? {
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

/// See [`faces::scheme_of`] and, for points with names, [`faces::named_scheme_of`].
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>, read: &[(PathBuf, coco::Coco)]) -> Result<Arc<Scheme>> {
    let Some((path, first)) = read.first() else { return Err(contents::nothing(dir, FORMAT.expected)) };
    let count = first.names.len();
    if let Some((path, other)) = read.iter().find(|(_, c)| c.names != first.names) {
        let (expected, got) = (format!("the {count} keypoints of {}", first.category), other.category.clone());
        return Err(Error::format(path, None, expected, quoted(&got)));
    }
    let wrong = |n: String| Error::format(path, None, format!("{n} keypoints"), count.to_string());
    if first.names.iter().all(|name| name.parse::<usize>().is_ok()) {
        return faces::scheme_of(dir, wanted, count, wrong);
    }
    faces::named_scheme_of(dir, wanted, (path, &first.category, &first.names), wrong)
}

/// The objects of every file; a broken one is an error within.
fn records(dir: &Path, scheme: &Arc<Scheme>, read: Vec<(PathBuf, coco::Coco)>) -> Vec<Result<Record>> {
    let mut numbers = Numbers::default();
    let objects = read.into_iter().flat_map(|(path, c)| c.objects.into_iter().map(move |o| (path.clone(), o)));
    objects.map(|(path, object)| record(dir, &path, scheme, object, &mut numbers)).collect()
}

fn record(
    dir: &Path,
    path: &Path,
    scheme: &Arc<Scheme>,
    object: coco::Object,
    numbers: &mut Numbers,
) -> Result<Record> {
    let at = |expected: String| format!("annotation {} with {expected}", object.id);
    let picture = io::within(dir, &object.file)
        .map_err(|expected| Error::format(path, None, at(expected.to_owned()), quoted(&object.file)))?;
    stated_size(path, &picture, object.size, |expected, got| Error::format(path, None, at(expected), got))?;
    let number = numbers.next(&picture);
    let source = Some(Source::new(path, Place::Coco { annotation: object.index }));
    Ok(Record { source, ..Record::of(dir, picture, number, scheme, (object.shape, path))? })
}

//! dlib's imglab lists under any name: `*.xml` with images, boxes and parts, the pictures below its folder.

use crate::{
    dataset::Frame,
    datasets::{
        contents,
        faces::{self, Faces},
        format::{DatasetKind, Format},
        record::{Numbers, Record, stated_size},
    },
    error::{Error, Result},
    formats::imglab_xml::{self, FaceBox, Picture},
    io,
    scheme::{IBUG_68, Scheme},
    source::{Place, Source},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

const WHAT: &str = "imglab lists";

static FORMAT: Format = Format {
    name: "imglab",
    expected: "imglab lists (.xml)",
    folder: None,
    scheme: None,
    frame: Frame::Box,
    holds: |dir| Ok(!files(dir)?.is_empty()),
    holds_below: None,
    points: |dir| {
        let (lists, _) = read(dir)?;
        let boxes = lists.iter().flat_map(|(_, all)| all.iter().flat_map(|p| &p.boxes));
        Ok(boxes.map(|b| b.parts.len()).find(|n| *n > 0).unwrap_or(0))
    },
    open: |dir, wanted| {
        let (lists, problems) = read(dir)?;
        let scheme = scheme_of(dir, wanted, &lists)?;
        Ok(Box::new(Faces::new(WHAT, dir, &scheme, records(dir, &scheme, &lists, problems))?))
    },
    check: |dir, wanted| {
        let (lists, problems) = read(dir)?;
        Ok(match scheme_of(dir, wanted, &lists) {
            Ok(scheme) => Faces::check(WHAT, dir, &scheme, records(dir, &scheme, &lists, problems)),
            Err(e) => Faces::check(WHAT, dir, &IBUG_68, problems.into_iter().map(Err).chain([Err(e)]).collect()),
        })
    },
};

/// A folder with imglab lists.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

type Lists = Vec<(PathBuf, Vec<Picture>)>;

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    io::beginning(dir, "xml", |text| text.contains("<dataset"))
}

fn read(dir: &Path) -> Result<(Lists, Vec<Error>)> {
    let (mut lists, mut problems) = (Vec::new(), Vec::new());
    for path in files(dir)? {
        let (pictures, wrong) = imglab_xml::read_all(&path)?;
        problems.extend(wrong);
        lists.push((path, pictures));
    }
    Ok((lists, problems))
}

/// See [`faces::scheme_of`]; the number of points is that of the first box with parts.
fn scheme_of(dir: &Path, wanted: Option<&Arc<Scheme>>, lists: &Lists) -> Result<Arc<Scheme>> {
    let boxes =
        lists.iter().flat_map(|(path, all)| all.iter().flat_map(move |p| p.boxes.iter().map(move |b| (path, b))));
    let with_parts = boxes.into_iter().find(|(_, b)| !b.parts.is_empty());
    let Some((path, first)) = with_parts else {
        let points = wanted.map_or(IBUG_68.len(), |scheme| scheme.len());
        let none = lists.first().map(|(path, pictures)| contents::no_faces(path, pictures, points));
        return Err(none.unwrap_or_else(|| contents::nothing(dir, FORMAT.expected)));
    };
    let count = first.parts.len();
    faces::scheme_of(dir, wanted, count, |n| {
        Error::format(path, Some(first.line), format!("a box with {n} parts"), count.to_string())
    })
}

/// The faces of every list, and what is wrong in them.
fn records(dir: &Path, scheme: &Arc<Scheme>, lists: &Lists, problems: Vec<Error>) -> Vec<Result<Record>> {
    let mut all: Vec<Result<Record>> = problems.into_iter().map(Err).collect();
    let mut numbers = Numbers::default();
    for (path, pictures) in lists {
        let list = (lists.len() > 1).then(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        let faces = pictures.iter().enumerate().flat_map(|(picture, p)| {
            p.boxes.iter().enumerate().map(move |(face, b)| (Place::Imglab { picture, face }, p, b))
        });
        all.extend(faces.map(|(place, picture, face)| {
            let mut record = record(dir, path, scheme, (picture, face), &mut numbers)?;
            record.subset = list.clone().or(record.subset);
            record.source = Some(Source::new(path, place));
            Ok(record)
        }));
    }
    all
}

fn record(
    dir: &Path,
    path: &Path,
    scheme: &Arc<Scheme>,
    (picture, face): (&Picture, &FaceBox),
    numbers: &mut Numbers,
) -> Result<Record> {
    let file = imglab_xml::resolve(path, picture)?;
    let wrong = |expected, got| Error::format(path, Some(picture.line), expected, got);
    let size = stated_size(path, &file, picture.size, wrong)?;
    imglab_xml::check_overlap(path, face.line, face.rect, size)?;
    let shape = face.shape(path, scheme.len())?;
    let number = numbers.next(&file);
    Record::of(dir, file, number, scheme, (shape, path))
}

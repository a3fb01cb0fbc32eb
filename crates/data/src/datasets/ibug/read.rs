//! Finds and reads iBUG's annotations: the XML lists, and the `.pts` in the standard folders, as one set of faces.

use super::{Boxes, List, Part};
use crate::{
    datasets::{
        contents,
        record::{Record, stated_size},
    },
    error::{Error, KINDS, Result},
    formats::{Shape, imglab_xml, pts},
    io,
    scheme::IBUG_68,
    source::{Place, Source},
};
use candle_vision_helpers::Rect;
use rayon::prelude::*;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The folders of the standard split.
pub(crate) const STANDARD_FOLDERS: [(&str, Part); 6] = [
    ("afw", Part::Train),
    ("helen/trainset", Part::Train),
    ("lfpw/trainset", Part::Train),
    ("helen/testset", Part::Common),
    ("lfpw/testset", Part::Common),
    ("ibug", Part::Challenging),
];

/// A face with its place in the splits.
#[derive(Clone, Debug)]
pub(crate) struct Face {
    pub record: Record,
    pub part: Part,
    /// The one of dlib's lists that names the face.
    pub list: Option<List>,
    /// Whether it is one of dlib's mirrored copies.
    pub mirror: bool,
    /// Where both a list and a `.pts` have it: the largest difference of a coordinate, and the list's decimals.
    pub gap: Option<(f64, usize)>,
}

/// The XML lists in `dir`; those of one part before any that names everything.
pub(crate) fn lists(dir: &Path) -> Result<Vec<PathBuf>> {
    let named = |p: &PathBuf| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("labels_ibug_300W") && name.ends_with(".xml")
    };
    let mut found: Vec<_> = io::list(dir)?.into_iter().filter(named).collect();
    found.sort_by_key(|p| list_of(p).is_none());
    Ok(found)
}

fn list_of(xml: &Path) -> Option<List> {
    match xml.file_stem()?.to_str()? {
        s if s.ends_with("_train") => Some(List::Train),
        s if s.ends_with("_test") => Some(List::Test),
        _ => None,
    }
}

/// A face before its files are looked at.
struct Found {
    id: String,
    /// The list, the picture in it and the box's place there, if it has one.
    listed: Option<(PathBuf, imglab_xml::Picture, Option<usize>)>,
    pts: Option<PathBuf>,
}

impl Found {
    /// Whether a list or a `.pts` has its points.
    fn has_points(&self) -> bool {
        let parts =
            |(_, p, k): &(_, imglab_xml::Picture, Option<usize>)| k.is_some_and(|k| !p.boxes[k].parts.is_empty());
        self.pts.is_some() || self.listed.as_ref().is_some_and(parts)
    }
}

/// Every face in `dir`, in the order of ids.
///
/// # Errors
/// When `dir` cannot be listed or has none; a broken one is an error within.
pub(crate) fn read_all(dir: &Path, boxes: Boxes) -> Result<Vec<Result<Face>>> {
    let (mut found, problems) = find(dir)?;
    if found.is_empty() && problems.is_empty() {
        return Err(Error::none(dir, "labels_ibug_300W*.xml, or .pts in afw, helen, lfpw, ibug"));
    }
    let mut all: Vec<_> = problems.into_iter().map(Err).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    all.par_extend(found.par_iter().map(|face| read_one(dir, face, boxes)));
    Ok(all)
}

fn find(dir: &Path) -> Result<(Vec<Found>, Vec<Error>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut pts = BTreeMap::new();
    for (folder, _) in STANDARD_FOLDERS {
        let path = dir.join(folder);
        if path.is_dir() {
            for path in io::list(&path)?.into_iter().filter(|p| io::has_extension(p, "pts")) {
                pts.insert(io::id_below(dir, &path), path);
            }
        }
    }
    let (mut seen, mut useless) = (BTreeMap::new(), Vec::new());
    for xml in lists(dir)? {
        let (pictures, broken) = imglab_xml::read_all(&xml)?;
        let sound = broken.is_empty();
        problems.extend(broken);
        let mut faces = Vec::new();
        for picture in &pictures {
            let id = io::id_below(Path::new(""), &io::on_disk(dir, &picture.file));
            if let Some(first) = seen.get(&id) {
                // A list of everything repeats the others; within one list it is a mistake.
                if *first == xml {
                    let expected = "each picture once";
                    problems.push(Error::format(&xml, Some(picture.line), expected, format!("{id} again")));
                }
                continue;
            }
            seen.insert(id.clone(), xml.clone());
            let beside = pts.remove(&id);
            for k in 0..picture.boxes.len() {
                let id = if k == 0 { id.clone() } else { format!("{id}#{}", k + 1) };
                // With several faces it is unknown whose the points are.
                let pts = beside.clone().filter(|_| picture.boxes.len() == 1);
                faces.push(Found { id, listed: Some((xml.clone(), picture.clone(), Some(k))), pts });
            }
            // A list of pictures alone says nothing against the points beside them; a box to be ignored does.
            if let (Some(beside), true, 0) = (beside, picture.boxes.is_empty(), picture.ignored) {
                faces.push(Found { id, listed: Some((xml.clone(), picture.clone(), None)), pts: Some(beside) });
            }
        }
        match faces.iter().any(Found::has_points) {
            true => found.extend(faces),
            // Boxes without parts are a mistake; pictures without boxes are one where there is nothing else.
            false if !faces.is_empty() => problems.push(contents::no_faces(&xml, &pictures, IBUG_68.len())),
            false if sound => useless.push(contents::no_faces(&xml, &pictures, IBUG_68.len())),
            false => {}
        }
    }
    found.extend(pts.into_iter().map(|(id, path)| Found { id, listed: None, pts: Some(path) }));
    if found.is_empty() && problems.is_empty() {
        problems = useless;
    }
    Ok((found, problems))
}

fn read_one(dir: &Path, found: &Found, boxes: Boxes) -> Result<Face> {
    let beside = found.pts.is_some();
    let listed = found.listed.as_ref().map(|(xml, picture, k)| from_list(xml, picture, *k, beside)).transpose()?;
    let points = found.pts.as_ref().map(|path| Ok::<_, Error>((path, pts::read(path, IBUG_68.len())?))).transpose()?;
    let gap = match (&listed, &points) {
        (Some(Listed { shape: Some(s), decimals, .. }), Some((_, p))) => Some((largest_gap(s, p), *decimals)),
        _ => None,
    };
    let (list, rect) = (listed.as_ref().and_then(|l| list_of(l.xml)), listed.as_ref().and_then(|l| l.rect));
    let mut record = match (points, listed) {
        (Some((path, p)), l) => {
            // where a list has the points, too, the two would disagree
            let is_alone = l.as_ref().is_none_or(|l| l.shape.is_none());
            let picture = match l {
                Some(l) => l.picture,
                None => io::picture_beside(path).ok_or_else(|| {
                    Error::format(path, None, format!("a {KINDS} picture of the same name beside it"), "none")
                })?,
            };
            let source = is_alone.then(|| Source::new(path, Place::Pts));
            Record { source, ..Record::new(found.id.clone(), picture, &IBUG_68, p, path)? }
        }
        (None, Some(Listed { shape: Some(shape), picture, xml, .. })) => {
            Record::new(found.id.clone(), picture, &IBUG_68, shape, xml)?
        }
        (None, _) => return Err(Error::none(dir, format!("points of {}", found.id))),
    };
    if let (Boxes::List, Some(rect)) = (boxes, rect) {
        record.face = rect;
    }
    let plain = found.id.split('#').next().unwrap_or_default();
    let folder = plain.rsplit_once('/').map_or("", |(folder, _)| folder);
    record.subset = Some(folder.to_owned());
    let part = STANDARD_FOLDERS.iter().find(|(f, _)| *f == folder).map_or(Part::Other, |(_, part)| *part);
    Ok(Face { record, part, list, mirror: plain.ends_with("_mirror"), gap })
}

/// A face as a list has it.
struct Listed<'a> {
    xml: &'a Path,
    picture: PathBuf,
    rect: Option<Rect>,
    shape: Option<Shape>,
    decimals: usize,
}

/// Box `k` of a picture; a box without parts will do where there are points `beside` the picture.
fn from_list<'a>(xml: &'a Path, picture: &imglab_xml::Picture, k: Option<usize>, beside: bool) -> Result<Listed<'a>> {
    let path = imglab_xml::resolve(xml, picture)?;
    let wrong = |expected, got| Error::format(xml, Some(picture.line), expected, got);
    let size = stated_size(xml, &path, picture.size, wrong)?;
    let Some(face) = k.and_then(|k| picture.boxes.get(k)) else {
        return Ok(Listed { xml, picture: path, rect: None, shape: None, decimals: 0 });
    };
    imglab_xml::check_overlap(xml, face.line, face.rect, size)?;
    let shape = if beside && face.parts.is_empty() { None } else { Some(face.shape(xml, IBUG_68.len())?) };
    Ok(Listed { xml, picture: path, rect: Some(face.rect), shape, decimals: face.decimals })
}

/// The largest difference of a coordinate of the points that both show.
fn largest_gap(a: &Shape, b: &Shape) -> f64 {
    let both = a.visible.iter().zip(&b.visible).map(|(a, b)| *a && *b);
    let pairs = a.points.iter().zip(&b.points).zip(both).filter(|(_, both)| *both);
    pairs.map(|((a, b), _)| (a.x - b.x).abs().max((a.y - b.y).abs())).fold(0.0, f64::max)
}

//! The errors of a place that holds no dataset, with what it holds: "found none" of a folder full of pictures says
//! nothing.

use crate::{
    error::Error,
    formats::imglab_xml::Picture,
    io::{self, has_extension, predictions::is_prediction},
};
use std::path::Path;

/// The error of a place in which `expected` is not.
pub(crate) fn nothing(dir: &Path, expected: &str) -> Error {
    let found = match () {
        () if dir.is_file() => format!("{}, not a folder", file(dir)),
        () if !dir.is_dir() => "no folder of that name".into(),
        () => contents(dir),
    };
    Error::Empty { path: dir.into(), expected: expected.into(), found }
}

/// A list without a single face to read, as an error that says what it names.
pub(crate) fn no_faces(xml: &Path, pictures: &[Picture], points: usize) -> Error {
    let of = |count: &dyn Fn(&Picture) -> usize| pictures.iter().map(count).sum::<usize>();
    let empty = of(&|p| usize::from(p.boxes.is_empty() && p.ignored == 0));
    let (boxes, ignored) = (of(&|p| p.boxes.len()), of(&|p| p.ignored));
    let parts = [
        (empty, counted(empty, "picture without boxes", "pictures without boxes")),
        (ignored, counted(ignored, "box marked ignore", "boxes marked ignore")),
        (boxes, counted(boxes, "box without parts", "boxes without parts")),
    ];
    Error::format(xml, None, format!("boxes with {points} parts"), listed(parts, "no pictures"))
}

fn file(path: &Path) -> &'static str {
    match () {
        () if io::is_picture(path) => "a picture",
        () if has_extension(path, "xml") => "an XML file",
        () if has_extension(path, "pts") || has_extension(path, "asf") => "one annotation",
        () => "a file",
    }
}

/// What lies in `dir` and below, counted.
fn contents(dir: &Path) -> String {
    let all = io::walk_all(dir, &|_| true).unwrap_or_default();
    let (predicted, rest): (Vec<_>, Vec<_>) = all.iter().partition(|p| is_prediction(p));
    let count = |ext: &str| rest.iter().filter(|p| has_extension(p, ext)).count();
    let (asf, pts, packs) = (count("asf"), count("pts"), count("fkpack"));
    let pictures = rest.iter().filter(|p| io::is_picture(p)).count();
    let others = rest.len() - asf - pts - packs - pictures;
    let lonely = if asf + pts + packs == 0 { " without annotations" } else { "" };
    let parts = [
        (pictures, counted(pictures, "picture", "pictures") + lonely),
        (asf, counted(asf, ".asf file", ".asf files")),
        (pts, counted(pts, ".pts file", ".pts files")),
        (packs, counted(packs, "pack", "packs")),
        (predicted.len(), counted(predicted.len(), "file of predictions", "files of predictions")),
        (others, counted(others, "other file", "other files")),
    ];
    listed(parts, "none")
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The parts whose number is not 0, as a list in words.
fn listed<const N: usize>(parts: [(usize, String); N], nothing: &str) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
    match &parts[..] {
        [] => nothing.to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

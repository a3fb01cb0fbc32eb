//! Goes through a whole folder for `facekp datasets check`: every annotation, every picture decoded, all problems
//! listed.

use crate::{
    dataset::DatasetKind,
    datasets::{
        ibug::{self, Boxes, Face, Part},
        imm,
        open::{ANY, children, holds, none_in},
        pack::PackDataset,
        pts_folder,
        record::Record,
    },
    error::{Error, Result},
    io::{self, predictions},
    keypoints::Keypoints,
    scheme::IBUG_68,
};
use candle_vision_helpers::Size;
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What is in a folder, face by face, for `facekp datasets check`: goes on to the end and lists every broken file.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// `IMM face database`, `iBUG 300-W`, …
    pub format: String,
    /// Facts to print, such as (`pictures`, `240`), (`points`, `58 each`), (`people`, `40`), (`train`, `2012`).
    pub facts: Vec<(String, String)>,
    /// One line for each broken file.
    pub problems: Vec<Error>,
    /// One line for each file that is legal and yet may not be what it seems.
    pub warnings: Vec<String>,
}

/// Reads everything below `dir`, decodes every picture, and reports.
///
/// # Errors
/// Only when `dir` cannot be listed or holds nothing recognisable.
pub fn check(dir: &Path) -> Result<CheckReport> {
    if io::has_extension(dir, "fkpack") {
        return pack(dir);
    }
    if !dir.is_dir() {
        return Err(none_in(dir, "a folder with a dataset, or a .fkpack", None));
    }
    let mut report = folder(dir)?;
    let predicted = predictions::count(&io::walk_all(dir, &predictions::is_prediction)?);
    if predicted > 0 {
        fact(&mut report, "predictions", format!("{predicted} (skipped)"));
    }
    Ok(report)
}

fn folder(dir: &Path) -> Result<CheckReport> {
    if holds(dir, DatasetKind::Imm58)? {
        imm(dir)
    } else if holds(dir, DatasetKind::Ibug68)? {
        ibug(dir)
    } else if let children = children(dir)?
        && !children.is_empty()
        && !holds(dir, DatasetKind::Pts68)?
    {
        parent(&children)
    } else if !io::walk(dir, &|p| io::has_extension(p, "pts"))?.is_empty() {
        points(dir)
    } else {
        Err(none_in(dir, ANY, None))
    }
}

/// Each dataset of a parent folder, the folder's name before its facts.
fn parent(children: &[std::path::PathBuf]) -> Result<CheckReport> {
    let mut all = CheckReport::default();
    for child in children {
        let report = folder(child)?;
        let name = child.file_name().unwrap_or_default().to_string_lossy();
        let separator = if all.format.is_empty() { "" } else { ", " };
        all.format += &format!("{separator}{}", report.format);
        all.facts.extend(report.facts.into_iter().map(|(fact, value)| (format!("{name}: {fact}"), value)));
        all.problems.extend(report.problems);
        all.warnings.extend(report.warnings);
    }
    Ok(all)
}

/// Annotations that are sound, after their pictures were decoded; all problems go to the report.
fn decoded<T: Send>(report: &mut CheckReport, all: Vec<Result<T>>, record: impl Fn(&T) -> &Record + Sync) -> Vec<T> {
    let tried = |face: Result<T>| face.and_then(|f| record(&f).load_turned().map(|(_, orientation)| (f, orientation)));
    let all: Vec<_> = all.into_par_iter().map(tried).collect();
    let mut sound = Vec::new();
    for face in all {
        match face {
            Ok((face, orientation)) => {
                if orientation != 1 {
                    report.warnings.push(turned(record(&face), orientation));
                }
                sound.push(face);
            }
            Err(e) => report.problems.push(e),
        }
    }
    sound
}

/// A picture that most programs show otherwise than it is annotated; legal, and right if the annotator's did not.
fn turned(record: &Record, orientation: u8) -> String {
    let Size { width, height } = record.size;
    format!(
        "{}: EXIF orientation {orientation}, which is not followed: points are in the file's own {width}x{height} pixels",
        record.path.display()
    )
}

fn fact(report: &mut CheckReport, name: &str, value: impl ToString) {
    report.facts.push((name.to_owned(), value.to_string()));
}

/// Pictures at `dir`'s top that no sound or broken annotation belongs to.
fn unannotated(dir: &Path, ext: &str) -> Result<Vec<Error>> {
    let lonely = |p: &std::path::PathBuf| io::is_picture(p) && !p.with_extension(ext).is_file();
    let expected = |p: std::path::PathBuf| Error::format(p, None, format!("an annotation (.{ext}) beside it"), "none");
    Ok(io::list(dir)?.into_iter().filter(lonely).map(expected).collect())
}

fn imm(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport { format: "IMM face database".into(), ..Default::default() };
    let sound = decoded(&mut report, imm::read_all(dir)?, |f| &f.1);
    report.problems.extend(unannotated(dir, "asf")?);
    fact(&mut report, "pictures", sound.len());
    fact(&mut report, "points", "58 each");
    fact(&mut report, "people", sound.iter().map(|f| f.0).collect::<BTreeSet<_>>().len());
    hidden(&mut report, sound.iter().map(|f| &f.1.points));
    sizes(&mut report, sound.iter().map(|f| &f.1));
    Ok(report)
}

fn points(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport { format: "points folder".into(), ..Default::default() };
    let sound = decoded(&mut report, pts_folder::read_all(dir, &IBUG_68)?, |f| f);
    fact(&mut report, "faces", sound.len());
    fact(&mut report, "points", "68 each");
    hidden(&mut report, sound.iter().map(|r| &r.points));
    outside(&mut report, sound.iter());
    sizes(&mut report, sound.iter());
    Ok(report)
}

fn ibug(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport { format: "iBUG 300-W".into(), ..Default::default() };
    let sound = decoded(&mut report, ibug::read_all(dir, Boxes::Tight)?, |f| &f.record);
    let count = |keep: &dyn Fn(&Face) -> bool| sound.iter().filter(|f| keep(f)).count();
    let part = |part: Part| count(&|f| f.part == part && !f.mirror);
    fact(&mut report, "faces", sound.len());
    fact(&mut report, "points", "68 each");
    fact(&mut report, "train", part(Part::Train));
    fact(&mut report, "common", part(Part::Common));
    fact(&mut report, "challenging", part(Part::Challenging));
    fact(&mut report, "full", part(Part::Common) + part(Part::Challenging));
    if part(Part::Other) > 0 {
        fact(&mut report, "outside the standard folders", part(Part::Other));
    }
    let mirrors = count(&|f| f.mirror);
    if mirrors > 0 {
        fact(&mut report, "mirror copies", format!("{mirrors} (left out of the parts above)"));
    }
    for (name, list) in [("train list", ibug::List::Train), ("test list", ibug::List::Test)] {
        let listed = count(&|f| f.list == Some(list));
        if listed > 0 {
            fact(&mut report, name, listed);
        }
    }
    agreement(&mut report, &sound);
    hidden(&mut report, sound.iter().map(|f| &f.record.points));
    outside(&mut report, sound.iter().map(|f| &f.record));
    sizes(&mut report, sound.iter().map(|f| &f.record));
    Ok(report)
}

/// Compares the points of faces that a list and a `.pts` both have. Both are rounded: the list to its decimals, the
/// `.pts` to three. A list in whole pixels is dlib's, where it is open whether the 1 was subtracted.
fn agreement(report: &mut CheckReport, faces: &[Face]) {
    let (mut both, mut largest) = (0, 0.0_f64);
    for face in faces {
        let Some((gap, decimals)) = face.gap else { continue };
        both += 1;
        largest = largest.max(gap);
        let rounding = if decimals == 0 { 1.5 } else { 0.5 * 0.1_f64.powi(decimals as i32) };
        let allowed = rounding + 0.0005 + 1e-9;
        if gap > allowed {
            let path = face.record.path.with_extension("pts");
            let expected = format!("the list's points within their rounding ({allowed:.4} px)");
            report.problems.push(Error::format(path, None, expected, format!("a difference of {gap:.4} px")));
        }
    }
    if both > 0 {
        fact(report, "in both XML and .pts", format!("{both}, largest difference {largest:.4} px"));
    }
}

/// Points that are marked as not visible count nowhere; how many there are is worth knowing.
fn hidden<'a>(report: &mut CheckReport, faces: impl Iterator<Item = &'a Keypoints>) {
    let of = |k: &Keypoints| k.visible().iter().filter(|v| !**v).count();
    let (points, faces) = faces.map(of).filter(|&n| n > 0).fold((0, 0), |(sum, faces), n| (sum + n, faces + 1));
    if points > 0 {
        fact(report, "hidden points", format!("{points} in {faces} face{}", if faces == 1 { "" } else { "s" }));
    }
}

/// Points outside of their picture are legal; how many pictures have some is worth knowing.
fn outside<'a>(report: &mut CheckReport, records: impl Iterator<Item = &'a Record>) {
    let outside = |r: &Record| {
        let (w, h) = (r.size.width as f64, r.size.height as f64);
        r.points.annotated().any(|p| p.x < -0.5 || p.y < -0.5 || p.x > w - 0.5 || p.y > h - 0.5)
    };
    let pictures = records.filter(|r| outside(r)).count();
    if pictures > 0 {
        fact(report, "pictures with points outside", pictures);
    }
}

fn sizes<'a>(report: &mut CheckReport, records: impl Iterator<Item = &'a Record>) {
    let mut sizes = BTreeMap::new();
    for r in records {
        *sizes.entry((r.size.width, r.size.height)).or_insert(0) += 1;
    }
    let text = match (sizes.first_key_value(), sizes.last_key_value()) {
        (Some(((w, h), _)), _) if sizes.len() == 1 => format!("{w}x{h}"),
        (Some(((w0, _), _)), Some(((w1, _), _))) => format!("{} sizes, {w0} to {w1} wide", sizes.len()),
        _ => return,
    };
    fact(report, "picture size", text);
}

fn pack(path: &Path) -> Result<CheckReport> {
    use crate::dataset::Dataset;
    let mut report = CheckReport { format: "facekp pack".into(), ..Default::default() };
    let pack = match PackDataset::open(path) {
        Ok(pack) => pack,
        Err(e) => {
            report.problems.push(e);
            return Ok(report);
        }
    };
    fact(&mut report, "holds", pack.describe());
    fact(&mut report, "faces", pack.len());
    fact(&mut report, "points", format!("{} each", pack.scheme().len()));
    hidden(&mut report, pack.keypoints());
    report.problems.par_extend((0..pack.len()).into_par_iter().filter_map(|i| pack.get(i).err()));
    Ok(report)
}

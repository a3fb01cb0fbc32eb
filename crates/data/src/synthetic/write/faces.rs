//! Rendered faces as files in the real datasets' own formats, so that the same readers read them.

use super::{MARKER, picture, pts, save};
use crate::{
    error::{Error, Result},
    io::whole_folder,
    synthetic::{FaceSet, POSES, folder, render},
};
use candle_vision_helpers::{Point, Rect};
use rayon::prelude::*;
use std::{fmt::Write as _, fs, path::Path};

/// Writes `count` pictures with their annotations to the new folder `out`: IMM's in the format of the IMM face database
/// (`01-1m.jpg`, `01-1m.asf`, …), iBUG's in that of iBUG 300-W (folders of `.jpg` and `.pts`, two XML lists). The
/// folder appears when all is written, or not at all.
///
/// # Errors
/// When `out` holds something already, `count` is 0, or a file cannot be written.
pub fn write_dataset(set: FaceSet, count: usize, out: &Path, seed: u64) -> Result<()> {
    if count == 0 {
        return Err(Error::Invalid("rendered faces: expected a count of 1 or more, got 0".into()));
    }
    whole_folder(out, |dir| fill(set, count, dir, seed))
}

fn fill(set: FaceSet, count: usize, dir: &Path, seed: u64) -> Result<()> {
    match set {
        FaceSet::Imm => imm(count, dir, seed)?,
        FaceSet::Ibug => ibug(count, dir, seed)?,
    }
    let scheme = set.scheme();
    let text = format!("rendered faces, no photographs: scheme {}, {count} pictures, seed {seed}\n", scheme.name());
    save(&dir.join(MARKER), text.as_bytes())
}

fn imm(count: usize, dir: &Path, seed: u64) -> Result<()> {
    let people = count.div_ceil(POSES);
    (0..count).into_par_iter().try_for_each(|i| {
        let r = render(FaceSet::Imm, seed, i);
        let sex = if r.female { 'f' } else { 'm' };
        let name = format!("{:02}-{}{sex}", number(r.person, people), r.pose);
        picture(&dir.join(format!("{name}.jpg")), &r.image, r.grey)?;
        let (w, h) = r.image.dimensions();
        // A sixth of the real files has three columns more.
        let text = asf(&format!("{name}.jpg"), f64::from(w), f64::from(h), &r.points, r.pose == 4);
        save(&dir.join(format!("{name}.asf")), text.as_bytes())
    })
}

/// The number of a person: the last fifth of up to forty people are called 33 to 40, which validate in the usual split.
fn number(person: usize, people: usize) -> usize {
    let train = (people * 4).div_ceil(5).min(people.saturating_sub(1)).max(1);
    if people <= 40 && person >= train { 33 + person - train } else { person + 1 }
}

/// The paths of the 58 points: type, first, last, whether the path closes.
const PATHS: [(u8, usize, usize, bool); 7] = [
    (4, 0, 12, false),
    (0, 13, 20, true),
    (0, 21, 28, true),
    (4, 29, 33, false),
    (4, 34, 38, false),
    (0, 39, 46, true),
    (4, 47, 57, false),
];

/// An AAM shape file; coordinates are fractions of the picture's sides, which start half a pixel before the first
/// pixel's center.
fn asf(picture: &str, width: f64, height: f64, points: &[Point], wide: bool) -> String {
    let rule = "#".repeat(70);
    let mut out = format!(
        "{rule}\n#\n#    AAM Shape File  -  rendered face\n#\n{rule}\n\n#\n# number of model points\n#\n{}\n\n#\n# model points\n#\n",
        points.len()
    );
    let users = if wide { " <user1> <user2> <user3>" } else { "" };
    let _ =
        writeln!(out, "# format: <path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>{users}\n#");
    for (path, &(kind, first, last, closed)) in PATHS.iter().enumerate() {
        for (i, p) in points.iter().enumerate().take(last + 1).skip(first) {
            let from = if i > first {
                i - 1
            } else if closed {
                last
            } else {
                i
            };
            let to = if i < last {
                i + 1
            } else if closed {
                first
            } else {
                i
            };
            let users = if wide { "\t0.00\t0.00\t0.00" } else { "" };
            let _ = writeln!(
                out,
                "{path} \t{kind} \t{:.8} \t{:.8} \t{i} \t{from} \t{to}{users}",
                (p.x + 0.5) / width,
                (p.y + 0.5) / height
            );
        }
    }
    let _ = write!(out, "\n#\n# host image\n#\n{picture}\n\n");
    out
}

fn ibug(count: usize, dir: &Path, seed: u64) -> Result<()> {
    for i in 0..count {
        let sub = dir.join(folder(i));
        fs::create_dir_all(&sub).map_err(|e| Error::io(&sub, e))?;
    }
    let mut entries = (0..count)
        .into_par_iter()
        .map(|i| {
            let r = render(FaceSet::Ibug, seed, i);
            let stem = format!("{}/face_{i:05}", folder(i));
            picture(&dir.join(format!("{stem}.jpg")), &r.image, r.grey)?;
            save(&dir.join(format!("{stem}.pts")), pts(&r.points).as_bytes())?;
            let xml = xml_image(&format!("{stem}.jpg"), r.image.dimensions(), &r.points);
            Ok((stem, xml))
        })
        .collect::<Result<Vec<_>>>()?;
    entries.sort();
    let train = |stem: &str| stem.starts_with("afw/") || stem.contains("/trainset/");
    for (name, wanted) in [("train", true), ("test", false)] {
        let images: String =
            entries.iter().filter(|(stem, _)| train(stem) == wanted).map(|(_, xml)| xml.as_str()).collect();
        let text = format!(
            "<?xml version='1.0' encoding='ISO-8859-1'?>\n<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>\n<dataset>\n<name>rendered faces in the format of iBUG 300-W</name>\n<comment>Boxes are the tight boxes of the 68 points.</comment>\n<images>\n{images}</images>\n</dataset>\n"
        );
        save(&dir.join(format!("labels_ibug_300W_{name}.xml")), text.as_bytes())?;
    }
    Ok(())
}

/// One picture of an imglab list: whole-pixel box around the points, which count from 0.
fn xml_image(file: &str, (width, height): (u32, u32), points: &[Point]) -> String {
    let b = Rect::around(points).unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0));
    let (left, top) = (b.x.floor(), b.y.floor());
    let (w, h) = ((b.x + b.width).ceil() - left, (b.y + b.height).ceil() - top);
    let mut out = format!(
        "  <image file='{file}' width='{width}' height='{height}'>\n    <box top='{top}' left='{left}' width='{w}' height='{h}'>\n"
    );
    for (i, p) in points.iter().enumerate() {
        let _ = writeln!(out, "      <part name='{i:02}' x='{:.2}' y='{:.2}'/>", p.x, p.y);
    }
    out.push_str("    </box>\n  </image>\n");
    out
}

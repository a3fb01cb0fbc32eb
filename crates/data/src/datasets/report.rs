//! The report of a check, and what every format says in it.

use crate::{
    datasets::record::Record,
    error::{Error, Result},
    io,
    keypoints::Keypoints,
};
use candle_vision_helpers::Size;
use rayon::prelude::*;
use std::{collections::BTreeMap, path::Path};

/// What is in a folder, face by face, for `facekp datasets check`; every broken file is listed.
#[derive(Debug, Default)]
#[must_use]
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

impl CheckReport {
    pub(crate) fn of(format: &str) -> Self {
        Self { format: format.into(), ..Self::default() }
    }

    pub(crate) fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// Annotations that are sound, after their pictures were decoded; all problems go to the report.
    pub(crate) fn decoded<T: Send>(&mut self, all: Vec<Result<T>>, record: impl Fn(&T) -> &Record + Sync) -> Vec<T> {
        let tried =
            |face: Result<T>| face.and_then(|f| record(&f).load_turned().map(|(_, orientation)| (f, orientation)));
        let all: Vec<_> = all.into_par_iter().map(tried).collect();
        let mut sound = Vec::new();
        for face in all {
            match face {
                Ok((face, orientation)) => {
                    if orientation != 1 {
                        self.warnings.push(turned(record(&face), orientation));
                    }
                    sound.push(face);
                }
                Err(e) => self.problems.push(e),
            }
        }
        sound
    }

    /// Pictures at `dir`'s top that no sound or broken annotation belongs to.
    pub(crate) fn unannotated(&mut self, dir: &Path, ext: &str) -> Result<()> {
        let lonely = |p: &std::path::PathBuf| io::is_picture(p) && !p.with_extension(ext).is_file();
        let expected =
            |p: std::path::PathBuf| Error::format(p, None, format!("an annotation (.{ext}) beside it"), "none");
        self.problems.extend(io::list(dir)?.into_iter().filter(lonely).map(expected));
        Ok(())
    }

    /// Points that are marked as not visible count nowhere; how many there are is worth knowing.
    pub(crate) fn hidden<'a>(&mut self, faces: impl Iterator<Item = &'a Keypoints>) {
        let of = |k: &Keypoints| k.visible().iter().filter(|v| !**v).count();
        let (points, faces) = faces.map(of).filter(|&n| n > 0).fold((0, 0), |(sum, faces), n| (sum + n, faces + 1));
        if points > 0 {
            self.fact("hidden points", format!("{points} in {faces} face{}", if faces == 1 { "" } else { "s" }));
        }
    }

    /// Points outside of their picture are legal; how many pictures have some is worth knowing.
    pub(crate) fn outside<'a>(&mut self, records: impl Iterator<Item = &'a Record>) {
        let outside = |r: &Record| {
            let (w, h) = (r.size.width as f64, r.size.height as f64);
            r.points.annotated().any(|p| p.x < -0.5 || p.y < -0.5 || p.x > w - 0.5 || p.y > h - 0.5)
        };
        let pictures = records.filter(|r| outside(r)).count();
        if pictures > 0 {
            self.fact("pictures with points outside", pictures);
        }
    }

    pub(crate) fn sizes<'a>(&mut self, records: impl Iterator<Item = &'a Record>) {
        let mut sizes = BTreeMap::new();
        for r in records {
            *sizes.entry((r.size.width, r.size.height)).or_insert(0) += 1;
        }
        let text = match (sizes.first_key_value(), sizes.last_key_value()) {
            (Some(((w, h), _)), _) if sizes.len() == 1 => format!("{w}x{h}"),
            (Some(((w0, _), _)), Some(((w1, _), _))) => format!("{} sizes, {w0} to {w1} wide", sizes.len()),
            _ => return,
        };
        self.fact("picture size", text);
    }
}

/// A picture that most programs show otherwise than it is annotated; legal, and right if the annotator's did not.
fn turned(record: &Record, orientation: u8) -> String {
    let Size { width, height } = record.size;
    format!(
        "{}: EXIF orientation {orientation}, which is not followed: points are in the file's own {width}x{height} pixels",
        record.path.display()
    )
}

//! The IMM face database: 240 pictures of 40 people, 58 points each, in `.asf` files beside the pictures.
//!
//! Nordstrøm, Larsen, Sierakowski, Stegmann: The IMM Face Database, DTU 2004. A file is called `PERSON-POSEs.asf`,
//! with `m` or `f` for `s`; six pictures a person.

use crate::{
    dataset::{Dataset, Frame},
    datasets::{
        contents,
        format::{DatasetKind, Format},
        record::{Record, host_size, is_rendered, nth},
        report::CheckReport,
    },
    error::{Error, Result},
    formats::asf,
    io,
    sample::{Annotation, Sample},
    scheme::{IMM_58, Scheme},
    split::Split,
};
use rayon::prelude::*;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

static FORMAT: Format = Format {
    name: "imm58",
    expected: "IMM (.asf)",
    folder: Some("imm_face_db"),
    scheme: Some("imm58"),
    frame: Frame::Picture,
    holds: |dir| io::has_any(dir, "asf"),
    holds_below: None,
    points: |_| Ok(IMM_58.len()),
    open: |dir, _| Ok(Box::new(ImmDataset::open(dir)?)),
    check: |dir, _| check(dir),
};

/// The IMM face database with its 58 points.
pub const KIND: DatasetKind = DatasetKind::of(&FORMAT);

/// The IMM face database with the nose's tip alone, as old recipes and packs name it.
pub const NOSE: DatasetKind = KIND.through("nose1", "imm_nose");

/// The faces of a folder of `.asf` files and pictures.
#[derive(Debug)]
pub struct ImmDataset {
    records: Vec<(u32, Record)>,
    synthetic: bool,
}

impl ImmDataset {
    /// Reads every annotation in `dir`, with all 58 points.
    ///
    /// # Errors
    /// When there is none, or the first one that is broken.
    pub fn open(dir: &Path) -> Result<Self> {
        let records = read_all(dir)?.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(Self { records, synthetic: is_rendered(dir) })
    }

    fn people(&self) -> BTreeSet<u32> {
        self.records.iter().map(|r| r.0).collect()
    }
}

impl Dataset for ImmDataset {
    fn scheme(&self) -> &Arc<Scheme> {
        &IMM_58
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        nth(&self.records, i)?.1.load()
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        Ok(nth(&self.records, i)?.1.annotation())
    }

    fn frame(&self) -> Frame {
        FORMAT.frame
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let last = last_to_train(&self.people());
        let (train, val): (Vec<_>, Vec<_>) =
            (0..self.len()).partition(|&i| last.is_some_and(|l| self.records[i].0 <= l));
        match split {
            // validation goes by people, so that one person cannot do both
            Split::Train | Split::Fit if train.is_empty() => {
                let wanted = if self.people().len() == 1 { "two at least" } else { "some with numbers up to 32" };
                Err(Split::none_left(val.len(), &format!("{} (expected {wanted})", self.describe())))
            }
            Split::Train | Split::Fit => Ok(train),
            Split::Val | Split::Test => Ok(val),
            Split::All => Ok((0..self.len()).collect()),
            Split::Common | Split::Challenging | Split::Full => Err(Error::Invalid(format!(
                "expected a split of the IMM face database (train, val, all), got {}",
                split.name()
            ))),
        }
    }

    fn describe(&self) -> String {
        let (pictures, people) = (self.len(), self.people().len());
        let what = if self.synthetic { "rendered faces in the IMM database's format" } else { "IMM face database" };
        format!("{what}, {pictures} pictures of {people} people")
    }

    fn is_synthetic(&self) -> bool {
        self.synthetic
    }
}

/// The last person to train on: 32 in the usual split (first 192, last 48 pictures); in a set of other people, all but
/// their last sixth. None of a single person.
fn last_to_train(people: &BTreeSet<u32>) -> Option<u32> {
    match people.last() {
        Some(33..=40) => Some(32),
        _ => people.iter().rev().nth((people.len() / 6).max(1)).copied(),
    }
}

/// Every annotation in `dir` with its person, in the order of names.
///
/// # Errors
/// When `dir` cannot be listed or has none; a broken one is an error within.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<Result<(u32, Record)>>> {
    let annotations: Vec<PathBuf> = io::list(dir)?.into_iter().filter(|p| io::has_extension(p, "asf")).collect();
    if annotations.is_empty() {
        return Err(contents::nothing(dir, "IMM annotations (.asf)"));
    }
    Ok(annotations.par_iter().map(|path| read_one(dir, path)).collect())
}

fn read_one(dir: &Path, path: &Path) -> Result<(u32, Record)> {
    let id = io::id_below(dir, path);
    let wrong_name = || Error::format(path, None, "a name such as 01-1m.asf (person, pose, sex)", format!("{id:?}"));
    let (person, rest) = id.split_once('-').ok_or_else(wrong_name)?;
    let number: u32 = person.parse().map_err(|_| wrong_name())?;
    let pose: u32 = rest.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().map_err(|_| wrong_name())?;
    let shape = asf::read(path, IMM_58.len())?;
    let picture = dir.join(io::on_disk(dir, &shape.picture));
    let points = shape.shape(host_size(path, &picture)?);
    let mut record = Record::new(id.clone(), picture, &IMM_58, points, path)?;
    record.subject = Some(person.to_owned());
    record.subset = Some(format!("pose {pose}"));
    Ok((number, record))
}

fn check(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport::of("IMM face database");
    let sound = report.decoded(read_all(dir)?, |f| &f.1);
    report.unannotated(dir, "asf")?;
    report.fact("pictures", sound.len());
    report.fact("points", "58 each");
    report.fact("people", sound.iter().map(|f| f.0).collect::<BTreeSet<_>>().len());
    report.hidden(sound.iter().map(|f| &f.1.points));
    report.sizes(sound.iter().map(|f| &f.1));
    Ok(report)
}

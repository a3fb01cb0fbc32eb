//! A dataset as one file of pre-cut pictures (`.fkpack`): small, quick to read, checked as a whole.
//!
//! Layout, numbers little-endian: `FKPACK`, 0, version 1 (8 bytes); where the index begins and how long it is (8 bytes
//! each); SHA-256 of all that follows (32 bytes); the encoded pictures one after another; the index as JSON, to the
//! end.

use crate::{
    dataset::{Dataset, Frame},
    datasets::{format::DatasetKind, record::nth, report::CheckReport},
    error::{Error, Result},
    keypoints::Keypoints,
    picture::{self, Strictness},
    sample::{Annotation, Sample, Scale},
    scheme::{Scheme, named},
    split::Split,
};
use candle_vision_helpers::{Affine, Point, Rect, Size};
use memmap2::Mmap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

mod write;
pub use write::{Area, Encoding, Options, write};

const MAGIC: &[u8; 8] = b"FKPACK\x00\x01";
const HEADER: usize = 56;

/// The index at the end of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    kind: DatasetKind,
    #[serde(with = "named")]
    scheme: Arc<Scheme>,
    describe: String,
    synthetic: bool,
    options: Options,
    splits: BTreeMap<String, Vec<usize>>,
    items: Vec<Item>,
}

/// A sample without its pixels.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    id: String,
    subject: Option<String>,
    subset: Option<String>,
    original: Size,
    to_image: Affine,
    face: Rect,
    points: Vec<Point>,
    visible: Vec<bool>,
    scale: Scale,
    offset: usize,
    length: usize,
}

/// A pack, mapped into memory; a picture is decoded when it is asked for.
#[derive(Debug)]
pub struct PackDataset {
    path: PathBuf,
    map: Mmap,
    index: Index,
    points: Vec<Keypoints>,
}

impl PackDataset {
    /// Opens a pack and checks it to the last byte.
    ///
    /// # Errors
    /// When it cannot be read, is no pack of this version, was cut short or altered.
    pub fn open(path: &Path) -> Result<Self> {
        let map = map(path)?;
        let (index, begin) = read_index(path, &map)?;
        if Sha256::digest(&map[HEADER..])[..] != map[24..HEADER] {
            return Err(broken(path, "a pack with its checksum", "altered contents"));
        }
        let scheme = &index.scheme;
        let mut points = Vec::with_capacity(index.items.len());
        for item in &index.items {
            let sound = Keypoints::new(scheme, item.points.clone()).filter(|_| item.visible.len() == scheme.len());
            let within = item.offset >= HEADER && item.offset.checked_add(item.length).is_some_and(|end| end <= begin);
            let (Some(mut sound), true) = (sound, within) else {
                return Err(broken(path, format!("a sound entry for {}", item.id), "one that breaks the format"));
            };
            item.visible.iter().enumerate().filter(|(_, v)| !**v).for_each(|(i, _)| sound.hide(i));
            points.push(sound);
        }
        if index.items.is_empty() {
            return Err(broken(path, "faces", "a pack of none"));
        }
        if index.splits.values().flatten().any(|&i| i >= points.len()) {
            return Err(broken(path, "splits of its own samples", "a sample that is not there"));
        }
        Ok(Self { path: path.into(), map, index, points })
    }

    /// Format of the packed dataset, without checking the whole file.
    ///
    /// # Errors
    /// When it cannot be read or is no pack of this version.
    pub fn kind_of(path: &Path) -> Result<DatasetKind> {
        Ok(read_index(path, &map(path)?)?.0.kind)
    }

    /// Format of the dataset that was packed.
    pub fn kind(&self) -> DatasetKind {
        self.index.kind
    }

    /// What is in a pack; one that does not open is the report's problem.
    pub(crate) fn check(path: &Path) -> Result<CheckReport> {
        let mut report = CheckReport::of("facekp pack");
        let pack = match Self::open(path) {
            Ok(pack) => pack,
            Err(e) => {
                report.problems.push(e);
                return Ok(report);
            }
        };
        report.fact("holds", pack.describe());
        report.fact("faces", pack.len());
        report.fact("points", format!("{} each", pack.scheme().len()));
        report.hidden(pack.points.iter());
        report.problems.par_extend((0..pack.len()).into_par_iter().filter_map(|i| pack.get(i).err()));
        Ok(report)
    }

    /// Settings that the pack was cut with.
    pub fn options(&self) -> &Options {
        &self.index.options
    }
}

fn broken(path: &Path, expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::format(path, None, expected, got)
}

fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    // SAFETY: the map is only read. Another process could shorten the file under it, as it could for any mapped file;
    // packs are written next to their place and renamed, never changed there.
    unsafe { Mmap::map(&file) }.map_err(|e| Error::io(path, e))
}

/// The index and where it begins.
fn read_index(path: &Path, bytes: &[u8]) -> Result<(Index, usize)> {
    if bytes.len() < HEADER || bytes[..6] != MAGIC[..6] {
        return Err(broken(path, "a facekp pack", format!("{} bytes of something else", bytes.len())));
    }
    if bytes[..8] != MAGIC[..] {
        return Err(broken(path, "a pack of version 1", format!("version {}", bytes[7])));
    }
    let number = |at: usize| {
        let mut le = [0; 8];
        le.copy_from_slice(&bytes[at..at + 8]);
        usize::try_from(u64::from_le_bytes(le)).ok()
    };
    let range = number(8).zip(number(16)).and_then(|(begin, length)| Some((begin, begin.checked_add(length)?)));
    match range {
        Some((begin, end)) if begin >= HEADER && end == bytes.len() => {
            let index = serde_json::from_slice(&bytes[begin..end]);
            Ok((index.map_err(|e| broken(path, "a pack's index", e.to_string()))?, begin))
        }
        Some((begin, end)) if begin >= HEADER => Err(broken(path, format!("{end} bytes"), bytes.len().to_string())),
        _ => Err(broken(path, "a pack's header", "one that breaks the format")),
    }
}

impl Dataset for PackDataset {
    fn scheme(&self) -> &Arc<Scheme> {
        &self.index.scheme
    }

    fn len(&self) -> usize {
        self.points.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        let (item, points) = (nth(&self.index.items, i)?, nth(&self.points, i)?);
        let bytes = &self.map[item.offset..item.offset + item.length];
        let stored = picture::decode(bytes, Strictness::Data).map_err(|fault| fault.at(&self.path.join(&item.id)))?;
        Ok(Sample {
            id: item.id.clone(),
            path: self.path.clone(),
            subject: item.subject.clone(),
            subset: item.subset.clone(),
            image: Arc::new(stored.image),
            to_image: item.to_image.then(&stored.to_image),
            original: item.original,
            face: item.face,
            points: points.clone(),
            scale: item.scale,
        })
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        let (item, points) = (nth(&self.index.items, i)?, nth(&self.points, i)?);
        // the faces of one picture have its name, with a number from the second one on
        let numbered = |(name, number): &(&str, &str)| !name.is_empty() && number.parse::<usize>().is_ok();
        let picture = self.path.join(item.id.rsplit_once('#').filter(numbered).map_or(&*item.id, |(name, _)| name));
        let (id, subject) = (item.id.clone(), item.subject.clone());
        Ok(Annotation { id, picture, subject, face: item.face, points: points.clone() })
    }

    fn frame(&self) -> Frame {
        self.index.kind.format().frame
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        self.index.splits.get(split.name()).cloned().ok_or_else(|| {
            // what is packed from a single picture validates with it
            let val = self.index.splits.get(Split::Val.name());
            if let (Some(val), Split::Train | Split::Fit) = (val, split) {
                return Split::none_left(val.len(), &self.path.display().to_string());
            }
            let known: Vec<_> = self.index.splits.keys().map(String::as_str).collect();
            let (path, known) = (self.path.display(), known.join(", "));
            Error::Invalid(format!("{path}: expected a split of this pack ({known}), got {}", split.name()))
        })
    }

    fn describe(&self) -> String {
        format!("{} (packed)", self.index.describe)
    }

    fn is_synthetic(&self) -> bool {
        self.index.synthetic
    }
}

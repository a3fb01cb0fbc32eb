//! A set of samples on disk, and the recognition of what a folder holds.

use crate::{
    Annotation, Error, PackDataset, Result, Sample, Scheme, Split, files, found, ibug, ibug::IbugDataset,
    imm::ImmDataset, pts_folder::PtsFolder, scheme,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Samples that can be fetched by index, from any thread. Reading the annotations happens when it is opened, decoding
/// in [`Dataset::get`].
pub trait Dataset: Send + Sync {
    /// The scheme of every sample.
    fn scheme(&self) -> &Arc<Scheme>;
    /// How many samples.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Reads and decodes sample `i`.
    ///
    /// # Errors
    /// When the picture cannot be read; out of range.
    fn get(&self, i: usize) -> Result<Sample>;
    /// What is known of sample `i` without its pixels; readers answer without decoding.
    ///
    /// # Errors
    /// Out of range; where it takes decoding, when the picture cannot be read.
    fn annotation(&self, i: usize) -> Result<Annotation> {
        let Sample { id, path, face, points, .. } = self.get(i)?;
        Ok(Annotation { id, picture: path, face, points })
    }
    /// What a guess without looking should be relative to.
    fn frame(&self) -> Frame {
        Frame::Box
    }
    /// The indices of a split, in a fixed order.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when this dataset has no such split.
    fn split(&self, split: Split) -> Result<Vec<usize>>;
    /// For the report: `IMM face database, 240 pictures`, or `rendered faces …`.
    fn describe(&self) -> String;
    /// Whether the faces are rendered ones.
    fn is_synthetic(&self) -> bool {
        false
    }
}

/// What the positions of points are relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The tight box of a face's points: pictures in which a face may be anywhere.
    Box,
    /// The whole picture: portraits that are all framed alike.
    Picture,
}

/// The datasets that a recipe may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// IMM, 58 points.
    Imm58,
    /// IMM, the nose tip alone.
    ImmNose,
    /// iBUG 300-W, 68 points.
    Ibug68,
    /// A folder of pictures beside `.pts` files, 68 points (YouTube Faces here, one's own).
    Pts68,
}

/// Opens the dataset of `kind` in `dir`: the folder itself, or a parent of `imm_face_db/`, `ibug_300W*/` or (for
/// `Pts68`) `ytf_68/`. What a folder is, is recognised by what it holds. Every annotation is read; the first broken
/// file is the error.
///
/// # Errors
/// When nothing of the kind is there, or an annotation is broken.
pub fn open(dir: &Path, kind: Kind) -> Result<Box<dyn Dataset>> {
    if files::has_extension(dir, "fkpack") {
        return open_pack(dir, kind);
    }
    if !dir.is_dir() {
        return Err(found::none_in(dir, "a folder or a .fkpack", Some(kind)));
    }
    if holds(dir, kind)? {
        return open_folder(dir, kind);
    }
    let inside = files::list(dir)?;
    for pack in inside.iter().filter(|p| files::has_extension(p, "fkpack")) {
        if PackDataset::kind_of(pack)? == kind {
            return open_pack(pack, kind);
        }
    }
    let named = |p: &&PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(kind.folder()));
    for folder in inside.iter().filter(|p| p.is_dir()).filter(named) {
        if holds(folder, kind)? {
            return open_folder(folder, kind);
        }
    }
    if kind == Kind::Pts68 && only_points(dir, &inside)? {
        return open_folder(dir, kind);
    }
    Err(found::none_in(dir, kind.expected(), Some(kind)))
}

/// Opens the first kind that `dir` holds, and says which.
///
/// # Errors
/// When nothing is there that [`open`] knows, or an annotation is broken.
pub fn open_any(dir: &Path) -> Result<(Kind, Box<dyn Dataset>)> {
    if files::has_extension(dir, "fkpack") {
        let pack = PackDataset::open(dir)?;
        return Ok((pack.kind(), Box::new(pack)));
    }
    for kind in [Kind::Imm58, Kind::Ibug68, Kind::Pts68] {
        match open(dir, kind) {
            Err(Error::Empty { .. }) => {}
            other => return other.map(|set| (kind, set)),
        }
    }
    Err(found::none_in(dir, found::ANY, None))
}

impl Kind {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Imm58, Self::ImmNose, Self::Ibug68, Self::Pts68];

    /// The name in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imm58 => "imm58",
            Self::ImmNose => "imm_nose",
            Self::Ibug68 => "ibug68",
            Self::Pts68 => "pts68",
        }
    }

    /// The scheme of its faces.
    pub fn scheme(self) -> &'static Arc<Scheme> {
        match self {
            Self::Imm58 => &scheme::IMM_58,
            Self::ImmNose => &scheme::NOSE_1,
            Self::Ibug68 | Self::Pts68 => &scheme::IBUG_68,
        }
    }

    /// As [`Dataset::frame`].
    pub(crate) fn frame(self) -> Frame {
        match self {
            Self::Imm58 | Self::ImmNose => Frame::Picture,
            Self::Ibug68 | Self::Pts68 => Frame::Box,
        }
    }

    /// How its folder's name begins within a parent folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Imm58 | Self::ImmNose => "imm_face_db",
            Self::Ibug68 => "ibug_300W",
            Self::Pts68 => "ytf_68",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Imm58 | Self::ImmNose => "the IMM face database (.asf files, or imm_face_db/ with them)",
            Self::Ibug68 => "iBUG 300-W (labels_ibug_300W*.xml, or ibug_300W*/ with it)",
            Self::Pts68 => "pictures beside .pts files, or ytf_68/ with them",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let all = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|k| k.name() == s).ok_or_else(|| format!("expected one of {}, got {s:?}", all()))
    }
}

/// Whether there are points in folders of any name, at any depth; but nothing of iBUG, whose test faces must not come
/// into training by this door.
fn only_points(dir: &Path, inside: &[PathBuf]) -> Result<bool> {
    let folders = inside.iter().map(PathBuf::as_path).filter(|p| p.is_dir());
    for folder in std::iter::once(dir).chain(folders) {
        if holds(folder, Kind::Ibug68)? {
            return Ok(false);
        }
    }
    Ok(!files::walk(dir, &|p| files::has_extension(p, "pts"))?.is_empty())
}

/// The datasets in a parent folder, as [`open`] finds them.
pub(crate) fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let kinds = [Kind::Imm58, Kind::Ibug68, Kind::Pts68];
    let known = |p: &PathBuf| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        p.is_dir() && kinds.iter().any(|k| name.starts_with(k.folder()) && holds(p, *k).unwrap_or(false))
    };
    Ok(files::list(dir)?.into_iter().filter(known).collect())
}

/// Whether `dir` itself, without its parent's or children's help, is of this kind.
pub(crate) fn holds(dir: &Path, kind: Kind) -> Result<bool> {
    let has = |dir: &Path, ext: &str| Ok::<_, Error>(files::list(dir)?.iter().any(|p| files::has_extension(p, ext)));
    match kind {
        Kind::Imm58 | Kind::ImmNose => has(dir, "asf"),
        Kind::Pts68 => has(dir, "pts"),
        Kind::Ibug68 => {
            if !ibug::lists(dir)?.is_empty() {
                return Ok(true);
            }
            let folders = ibug::STANDARD_FOLDERS.iter().map(|(f, _)| dir.join(f));
            folders.filter(|f| f.is_dir()).try_fold(false, |any, f| Ok(any || has(&f, "pts")?))
        }
    }
}

fn open_folder(dir: &Path, kind: Kind) -> Result<Box<dyn Dataset>> {
    Ok(match kind {
        Kind::Imm58 => Box::new(ImmDataset::open(dir)?),
        Kind::ImmNose => match ImmDataset::open(dir)?.nose() {
            none if none.is_empty() => {
                let found = "58 points with that one hidden everywhere".into();
                return Err(Error::Empty { path: dir.into(), expected: "faces with the nose's tip".into(), found });
            }
            faces => Box::new(faces),
        },
        Kind::Ibug68 => Box::new(IbugDataset::open(dir)?),
        Kind::Pts68 => Box::new(PtsFolder::open(dir, kind.scheme())?),
    })
}

fn open_pack(path: &Path, kind: Kind) -> Result<Box<dyn Dataset>> {
    let pack = PackDataset::open(path)?;
    if pack.kind() == kind {
        return Ok(Box::new(pack));
    }
    Err(Error::format(path, None, format!("a pack of {}", kind.name()), format!("one of {}", pack.kind().name())))
}

/// What is in a folder, face by face, for `facekp datasets check`: goes on to the end and lists every broken file.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// `IMM face database`, `iBUG 300-W`, …
    pub format: String,
    /// Facts to print, such as (`pictures`, `240`), (`points`, `58 each`), (`people`, `40`), (`train`, `2012`).
    pub facts: Vec<(String, String)>,
    /// One line for each broken file.
    pub problems: Vec<crate::Error>,
    /// One line for each file that is legal and yet may not be what it seems.
    pub warnings: Vec<String>,
}

/// Reads everything below `dir`, decodes every picture, and reports.
///
/// # Errors
/// Only when `dir` cannot be listed or holds nothing recognisable.
pub fn check(dir: &Path) -> Result<CheckReport> {
    crate::check::check(dir)
}

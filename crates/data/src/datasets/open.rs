//! Recognises what a folder holds, and opens it.

use crate::{
    dataset::{Dataset, DatasetKind},
    datasets::{
        contents,
        ibug::{self, IbugDataset},
        imm::ImmDataset,
        pack::PackDataset,
        pts_folder::PtsFolder,
    },
    error::{Error, Result},
    io,
};
use std::path::{Path, PathBuf};

/// What a dataset may be, for errors.
pub(crate) const ANY: &str = "IMM (.asf), iBUG 300-W (labels_ibug_300W*.xml) or pictures beside .pts";

/// Opens the dataset of `kind` in `dir`: the folder itself, or a parent of `imm_face_db/`, `ibug_300W*/` or (for
/// `Pts68`) `ytf_68/`. What a folder is, is recognised by what it holds. Every annotation is read; the first broken
/// file is the error.
///
/// # Errors
/// When nothing of the kind is there, or an annotation is broken.
pub fn open_kind(dir: &Path, kind: DatasetKind) -> Result<Box<dyn Dataset>> {
    if io::has_extension(dir, "fkpack") {
        return open_pack(dir, kind);
    }
    if !dir.is_dir() {
        return Err(none_in(dir, "a folder or a .fkpack", Some(kind)));
    }
    if holds(dir, kind)? {
        return open_folder(dir, kind);
    }
    let inside = io::list(dir)?;
    for pack in inside.iter().filter(|p| io::has_extension(p, "fkpack")) {
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
    if kind == DatasetKind::Pts68 && only_points(dir, &inside)? {
        return open_folder(dir, kind);
    }
    Err(none_in(dir, kind.expected(), Some(kind)))
}

/// Opens the first kind that `dir` holds, and says which.
///
/// # Errors
/// When nothing is there that [`open_kind`] knows, or an annotation is broken.
pub fn open_any(dir: &Path) -> Result<(DatasetKind, Box<dyn Dataset>)> {
    if io::has_extension(dir, "fkpack") {
        let pack = PackDataset::open(dir)?;
        return Ok((pack.kind(), Box::new(pack)));
    }
    for kind in [DatasetKind::Imm58, DatasetKind::Ibug68, DatasetKind::Pts68] {
        match open_kind(dir, kind) {
            Err(Error::Empty { .. }) => {}
            other => return other.map(|set| (kind, set)),
        }
    }
    Err(none_in(dir, ANY, None))
}

/// Whether there are points in folders of any name, at any depth; but nothing of iBUG, whose test faces must not come
/// into training by this door.
fn only_points(dir: &Path, inside: &[PathBuf]) -> Result<bool> {
    let folders = inside.iter().map(PathBuf::as_path).filter(|p| p.is_dir());
    for folder in std::iter::once(dir).chain(folders) {
        if holds(folder, DatasetKind::Ibug68)? {
            return Ok(false);
        }
    }
    Ok(!io::walk(dir, &|p| io::has_extension(p, "pts"))?.is_empty())
}

/// The datasets in a parent folder, as [`open_kind`] finds them.
pub(crate) fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let kinds = [DatasetKind::Imm58, DatasetKind::Ibug68, DatasetKind::Pts68];
    let known = |p: &PathBuf| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        p.is_dir() && kinds.iter().any(|k| name.starts_with(k.folder()) && holds(p, *k).unwrap_or(false))
    };
    Ok(io::list(dir)?.into_iter().filter(known).collect())
}

/// Whether `dir` itself, without its parent's or children's help, is of this kind.
pub(crate) fn holds(dir: &Path, kind: DatasetKind) -> Result<bool> {
    let has = |dir: &Path, ext: &str| Ok::<_, Error>(io::list(dir)?.iter().any(|p| io::has_extension(p, ext)));
    match kind {
        DatasetKind::Imm58 | DatasetKind::ImmNose => has(dir, "asf"),
        DatasetKind::Pts68 => has(dir, "pts"),
        DatasetKind::Ibug68 => {
            if !ibug::lists(dir)?.is_empty() {
                return Ok(true);
            }
            let folders = ibug::STANDARD_FOLDERS.iter().map(|(f, _)| dir.join(f));
            folders.filter(|f| f.is_dir()).try_fold(false, |any, f| Ok(any || has(&f, "pts")?))
        }
    }
}

fn open_folder(dir: &Path, kind: DatasetKind) -> Result<Box<dyn Dataset>> {
    Ok(match kind {
        DatasetKind::Imm58 => Box::new(ImmDataset::open(dir)?),
        DatasetKind::ImmNose => match ImmDataset::open(dir)?.nose() {
            none if none.is_empty() => {
                let found = "58 points with that one hidden everywhere".into();
                return Err(Error::Empty { path: dir.into(), expected: "faces with the nose's tip".into(), found });
            }
            faces => Box::new(faces),
        },
        DatasetKind::Ibug68 => Box::new(IbugDataset::open(dir)?),
        DatasetKind::Pts68 => Box::new(PtsFolder::open(dir, kind.scheme())?),
    })
}

fn open_pack(path: &Path, kind: DatasetKind) -> Result<Box<dyn Dataset>> {
    let pack = PackDataset::open(path)?;
    if pack.kind() == kind {
        return Ok(Box::new(pack));
    }
    Err(Error::format(path, None, format!("a pack of {}", kind.name()), format!("one of {}", pack.kind().name())))
}

/// The error of a place in which `expected` is not; `kind` is what was asked for, where one kind was.
pub(crate) fn none_in(dir: &Path, expected: &str, kind: Option<DatasetKind>) -> Error {
    let is_ibug = |p: &Path| p.is_dir() && holds(p, DatasetKind::Ibug68).unwrap_or(false);
    if matches!(kind, None | Some(DatasetKind::Ibug68))
        && let Some(list) = contents::misnamed(dir)
    {
        return list;
    }
    let inside = io::list(dir).unwrap_or_default();
    if kind == Some(DatasetKind::Pts68) && (is_ibug(dir) || inside.iter().any(|p| is_ibug(p))) {
        let found = "iBUG 300-W, whose test faces are no points folder's".into();
        return Error::Empty { path: dir.into(), expected: expected.into(), found };
    }
    contents::nothing(dir, expected)
}

//! Downloads the datasets (and single files) from their own pages, continues a download that stopped, and unpacks
//! without trusting the archive.
//!
//! Nothing half done carries a dataset's name: the archive is `*.part` until it is whole and checked, and the folder is
//! renamed into place when everything is unpacked. A stopped download keeps its `*.part`; the next one continues it.

mod download;
mod unpack;

use crate::{
    datasets::{format::DatasetKind, ibug, imm},
    error::{Error, Result},
    io::Draft,
};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// Origin of a dataset: its page, its archive and the folder that it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name on the command line.
    pub name: &'static str,
    /// Format of the dataset.
    pub kind: DatasetKind,
    /// Page with the conditions of use.
    pub page: &'static str,
    /// Address of the archive (`.tar.gz`).
    pub url: &'static str,
    /// Name of the folder that the archive becomes.
    pub folder: &'static str,
    /// What the archive is known to be.
    pub known: Known,
}

/// What a file that can be fetched is known to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Length in bytes.
    pub bytes: Option<u64>,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: Option<&'static str>,
}

/// The datasets that can be fetched. Neither page states a length or a hash, so none is claimed here.
pub const SOURCES: [Source; 2] = [
    Source {
        name: "imm",
        kind: imm::KIND,
        page: "http://www2.imm.dtu.dk/~aam/datasets/datasets.html",
        url: "http://www2.imm.dtu.dk/~aam/datasets/imm_face_db.tar.gz",
        folder: "imm_face_db",
        known: Known { bytes: None, sha256: None },
    },
    Source {
        name: "ibug",
        kind: ibug::KIND,
        page: "http://dlib.net/files/data/",
        url: "http://dlib.net/files/data/ibug_300W_large_face_landmark_dataset.tar.gz",
        folder: "ibug_300W_large_face_landmark_dataset",
        known: Known { bytes: None, sha256: None },
    },
];

/// The names of all sources.
pub fn names() -> Vec<&'static str> {
    SOURCES.map(|s| s.name).to_vec()
}

/// The source called `name`.
///
/// # Errors
/// When there is none; says which there are.
pub fn source(name: &str) -> Result<Source> {
    let found = SOURCES.into_iter().find(|s| s.name == name);
    found.ok_or_else(|| Error::Invalid(format!("expected one of {}, got {name:?}", names().join(", "))))
}

/// Downloads and unpacks a dataset into a folder of `dest` and returns it; a folder that is there already is left
/// alone. `url` replaces the source's own (a mirror, a `.tar.gz` too). `progress` is given the bytes so
/// far and in all, where the server says how many.
///
/// # Errors
/// When the download fails (what came is kept, and continued the next time), when size or hash are not the known ones,
/// when the archive has links or paths that leave its folder, or is not the dataset.
pub fn fetch(
    source: &Source,
    dest: &Path,
    url: Option<&str>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<PathBuf> {
    let folder = dest.join(source.folder);
    if source.kind.holds(&folder)? {
        return Ok(folder);
    }
    if folder.exists() {
        let expected = format!("no folder of this name, or one that holds {}", source.name);
        return Err(Error::format(folder, None, expected, "something else"));
    }
    fs::create_dir_all(dest).map_err(|e| Error::io(dest, e))?;
    let part = dest.join(format!("{}.tar.gz.part", source.folder));
    let url = url.unwrap_or(source.url);
    download::download(url, &part, progress)?;
    check(source.known, url, &part)?;

    let placed = Draft::beside(&folder).map_err(|e| Error::io(&folder, e)).and_then(|draft| {
        let unpacked = draft.path().join(source.folder);
        let root = unpack::unpack(&part, &unpacked).map_err(|e| e.renamed(&unpacked, &folder))?;
        if !source.kind.holds(&root)? {
            let got = "an archive of something else";
            return Err(Error::Download { url: url.into(), reason: format!("expected {}, got {got}", source.name) });
        }
        fs::rename(&root, &folder).map_err(|e| Error::io(&folder, e))
    });
    // An archive that is whole but wrong would be found wrong for ever; a disk that is full says nothing of it.
    let kind = placed.as_ref().err().and_then(Error::io_kind);
    if !matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) {
        fs::remove_file(&part).ok();
    }
    placed.map(|()| folder)
}

/// Downloads one file to `to`, which is left alone where it is there already.
///
/// # Errors
/// When the download fails (what came is kept, and continued the next time), or size or hash are not the known ones.
pub fn file(url: &str, to: &Path, known: Known, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    if to.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    download::download(url, &part, progress)?;
    check(known, url, &part)?;
    fs::rename(&part, to).map_err(|e| Error::io(to, e))
}

/// Size and hash, where they are known; an archive that fails is removed, since continuing it would not help.
fn check(known: Known, url: &str, part: &Path) -> Result<()> {
    let mut hash = Sha256::new();
    let mut file = File::open(part).map_err(|e| Error::io(part, e))?;
    let bytes = file.metadata().map_err(|e| Error::io(part, e))?.len();
    let wrong = if let Some(known) = known.bytes.filter(|&known| known != bytes) {
        Some(format!("expected {known} bytes, got {bytes}"))
    } else if let Some(known) = known.sha256 {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer).map_err(|e| Error::io(part, e))? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let got: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        (got != known).then(|| format!("expected SHA-256 {known}, got {got}"))
    } else {
        None
    };
    match wrong {
        None => Ok(()),
        Some(reason) => {
            fs::remove_file(part).ok();
            Err(Error::Download { url: url.into(), reason })
        }
    }
}

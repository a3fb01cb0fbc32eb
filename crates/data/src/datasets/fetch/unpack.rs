//! Unpacks a `.tar.gz` that is not trusted: files and folders only, below one folder, up to a size.

use crate::{
    error::{Error, Result},
    io::list,
};
use flate2::read::GzDecoder;
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Component, Path, PathBuf},
};
use tar::{Archive, EntryType};

/// More than any of the datasets takes: an archive that holds more is a bomb.
const MOST_BYTES: u64 = 16 << 30;

/// Unpacks into the new folder `into`; returns the folder that holds the files: `into` itself, or the only folder in
/// it.
///
/// # Errors
/// When the archive is damaged, or has a link, a device, or a path that leaves the folder. The caller removes `into`.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<PathBuf> {
    let mut file = File::open(archive).map_err(|e| Error::io(archive, e))?;
    let mut magic = [0; 2];
    if file.read_exact(&mut magic).is_err() || magic != [0x1f, 0x8b] {
        return Err(Error::format(archive, None, "a .tar.gz archive", "something else"));
    }
    let file = File::open(archive).map_err(|e| Error::io(archive, e))?;
    fs::create_dir(into).map_err(|e| Error::io(into, e))?;
    let damaged = |e: io::Error| Error::format(archive, None, "a whole .tar.gz archive", e.to_string());
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut room = MOST_BYTES;
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let refuse = |what: &str| {
            Error::format(archive, None, "files and folders within the archive's own", format!("{what} {name:?}"))
        };
        let path = below(into, &name).ok_or_else(|| refuse("the path"))?;
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&path).map_err(|e| Error::io(&path, e))?,
            EntryType::Regular | EntryType::Continuous => {
                let folder = path.parent().unwrap_or(into);
                fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
                room = room.checked_sub(entry.size()).ok_or_else(|| refuse("more than 16 GiB at"))?;
                let mut out = File::create(&path).map_err(|e| Error::io(&path, e))?;
                copy(&mut entry, &mut out, damaged, |e| Error::io(&path, e))?;
            }
            EntryType::XGlobalHeader | EntryType::XHeader => {}
            EntryType::Symlink | EntryType::Link => return Err(refuse("the link")),
            _ => return Err(refuse("the special file")),
        }
    }
    let inside = list(into)?;
    Ok(match &inside[..] {
        [only] if only.is_dir() => only.clone(),
        _ => into.to_path_buf(),
    })
}

/// Copies to the end, and tells what cannot be read from what cannot be written.
fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    read: impl Fn(io::Error) -> Error,
    written: impl Fn(io::Error) -> Error,
) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count]).map_err(&written)?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(read(e)),
        }
    }
}

/// `name` below `root`; `None` where it would leave it.
fn below(root: &Path, name: &Path) -> Option<PathBuf> {
    let mut path = root.to_path_buf();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Fails at once.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    #[test]
    fn a_full_disk_is_no_damage_of_the_archive() {
        let copied = |from: &mut dyn Read, to: &mut dyn Write| {
            let (read, written) = (|e| Error::io("archive", e), |e| Error::io("file", e));
            copy(from, to, read, written).map_err(|e| e.to_string().split(':').next().unwrap().to_owned())
        };
        assert_eq!(copied(&mut &b"text"[..], &mut Full), Err("file".to_owned()));
        assert_eq!(copied(&mut Full, &mut Vec::<u8>::new()), Err("archive".to_owned()));
        let mut whole = Vec::new();
        assert_eq!(copied(&mut &b"text"[..], &mut whole), Ok(()));
        assert_eq!(whole, b"text");
    }
}

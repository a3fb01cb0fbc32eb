//! `--list FILE`: names of pictures, one a line.

use anyhow::{Context, Result, anyhow};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// No system opens a file by a longer name, bytes.
const LONGEST: usize = 4096;

/// The pictures that a list names, in its order; `-` is stdin. They are named as arguments are, from the working
/// folder, but neither folders nor patterns are expanded. Blank lines and those that begin with `#` are skipped. A
/// list without pictures is no error, since a part of a job may have none.
///
/// # Errors
/// When it cannot be read, and the first line that can name no picture.
pub(super) fn read(list: &Path) -> Result<Vec<PathBuf>> {
    let (name, mut bytes) = (if list == Path::new("-") { Path::new("stdin") } else { list }, Vec::new());
    let read = match list == Path::new("-") {
        true => std::io::stdin().lock().read_to_end(&mut bytes),
        false => File::open(list).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.with_context(|| name.display().to_string())?;
    let pictures = names(name, &bytes)?;
    if pictures.is_empty() {
        tracing::warn!("{}: no pictures", name.display());
    }
    Ok(pictures)
}

fn names(list: &Path, bytes: &[u8]) -> Result<Vec<PathBuf>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut all = Vec::new();
    for (i, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"#") || line.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |got: &str| anyhow!("{}:{}: expected the name of a picture, got {got}", list.display(), i + 1);
        if line.contains(&0) {
            return Err(wrong("a NUL byte, as UTF-16 and `find -print0` have them"));
        }
        if line.len() > LONGEST {
            return Err(wrong(&format!("a line of {} bytes", line.len())));
        }
        if line.ends_with(b"/") {
            return Err(wrong("a folder, which an argument may be"));
        }
        all.push(path(line).ok_or_else(|| wrong("one that is not UTF-8"))?);
    }
    Ok(all)
}

#[cfg(unix)]
fn path(line: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(line).into())
}

#[cfg(not(unix))]
fn path(line: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(line).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn of(text: &[u8]) -> Result<Vec<PathBuf>> {
        names(Path::new("all.txt"), text)
    }

    #[test]
    fn names_are_taken_as_they_stand() {
        let text = b"\xef\xbb\xbfa.jpg\r\n\n  \t\n# no picture\n./#1.jpg\n b c.jpg \nfolder/*.jpg\nlast.png";
        let expected = ["a.jpg", "./#1.jpg", " b c.jpg ", "folder/*.jpg", "last.png"].map(PathBuf::from);
        assert_eq!(of(text).unwrap(), expected);
        assert!(of(b"").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_names_no_picture_is_named() {
        let long = [b"a.jpg\n".as_slice(), &[b'x'; 5000]].concat();
        let cases: [(&[u8], &str); 3] = [
            (b"a.jpg\n#\nb\0c", "all.txt:3: expected the name of a picture, got a NUL byte"),
            (&long, "all.txt:2: expected the name of a picture, got a line of 5000 bytes"),
            (b"photos/\r\n", "all.txt:1: expected the name of a picture, got a folder"),
        ];
        for (text, expected) in cases {
            let error = of(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_names_come_back(
            names in prop::collection::vec("[^\\n\\r\0#/\\s\u{feff}][^\\n\\r\0/]{0,20}", 0..20),
            end in "\\n|\\r\\n",
        ) {
            let text: String = names.iter().map(|name| format!("{name}{end}")).collect();
            prop_assert_eq!(of(text.as_bytes()).unwrap(), names.iter().map(PathBuf::from).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = of(&bytes);
        }
    }
}

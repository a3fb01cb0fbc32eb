//! What can be wrong with data: one line that says where, what was expected and what was there.

use candle_vision_helpers::{Wrong, wrong::OneLine};
use std::path::{Path, PathBuf};

/// The kinds of pictures that are read, in words.
pub(crate) const KINDS: &str = "JPEG, PNG, WebP, BMP, GIF or TIFF";

/// The result of reading data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why data could not be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text file breaks its format.
    #[error("{}{}: expected {}, got {}", OneLine(path.display()), at(*line), OneLine(expected), OneLine(got))]
    Format {
        /// The file.
        path: PathBuf,
        /// 1-based, where one line is at fault.
        line: Option<usize>,
        /// The format's demand.
        expected: String,
        /// The file's contents instead.
        got: String,
    },
    /// A picture cannot be decoded.
    #[error("{}: expected a whole {KINDS} picture, got {}", OneLine(path.display()), OneLine(reason))]
    Picture {
        /// The file.
        path: PathBuf,
        /// The decoder's words.
        reason: String,
    },
    /// A file that was to be replaced is another one than was read.
    #[error("{}: expected the file that was read, got one that changed since", OneLine(path.display()))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {reason}", OneLine(path.display()))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words. Not called `source`, since whoever prints the chain of causes would say them twice.
        reason: std::io::Error,
    },
    /// A folder holds nothing of what was looked for.
    #[error("{}: expected {}, found {}", OneLine(path.display()), OneLine(expected), OneLine(found))]
    Empty {
        /// The folder.
        path: PathBuf,
        /// The contents that were looked for.
        expected: String,
        /// The contents instead; `none` of an empty folder.
        found: String,
    },
    /// A download failed.
    #[error("{}: {}", OneLine(url), OneLine(reason))]
    Download {
        /// Address of the download.
        url: String,
        /// Reason in words.
        reason: String,
    },
    /// A setting that cannot be.
    #[error(transparent)]
    Config(#[from] Wrong),
    /// A request that this data cannot answer, such as a split it does not have.
    #[error("{}", OneLine(.0))]
    Invalid(String),
    /// A tensor operation failed.
    #[cfg(feature = "tensors")]
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A line after a file's name.
fn at(line: Option<usize>) -> String {
    line.map(|l| format!(":{l}")).unwrap_or_default()
}

impl Error {
    /// An [`Error::Io`] with its path.
    pub fn io(path: impl Into<PathBuf>, reason: std::io::Error) -> Self {
        Self::Io { path: path.into(), reason }
    }

    /// The system's kind of an [`Error::Io`].
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        if let Self::Io { reason, .. } = self { Some(reason.kind()) } else { None }
    }

    /// The error of `name`, whose contents were made under the name `draft`, which nobody finds any more.
    #[must_use]
    pub fn renamed(self, draft: &Path, name: &Path) -> Self {
        let path = |path: PathBuf| match path.strip_prefix(draft) {
            Ok(below) if below.as_os_str().is_empty() => name.to_owned(),
            Ok(below) => name.join(below),
            Err(_) => path,
        };
        let text = |text: String| text.replace(&*draft.to_string_lossy(), &name.to_string_lossy());
        match self {
            Self::Format { path: at, line, expected, got } => {
                Self::Format { path: path(at), line, expected: text(expected), got: text(got) }
            }
            Self::Picture { path: at, reason } => Self::Picture { path: path(at), reason: text(reason) },
            Self::Changed { path: at } => Self::Changed { path: path(at) },
            Self::Io { path: at, reason } => Self::Io { path: path(at), reason },
            Self::Empty { path: at, expected, found } => {
                Self::Empty { path: path(at), expected: text(expected), found: text(found) }
            }
            Self::Invalid(reason) => Self::Invalid(text(reason)),
            other => other,
        }
    }

    /// An [`Error::Empty`] of a folder that holds nothing at all.
    pub(crate) fn none(path: impl Into<PathBuf>, expected: impl Into<String>) -> Self {
        Self::Empty { path: path.into(), expected: expected.into(), found: "none".into() }
    }

    /// An [`Error::Format`] with its place.
    pub fn format(
        path: impl Into<PathBuf>,
        line: Option<usize>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Format { path: path.into(), line, expected: expected.into(), got: got.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_was_to_be_there_and_not_the_draft() {
        let (draft, name) = (Path::new("a/.out.7.part"), Path::new("a/out"));
        let full = || std::io::ErrorKind::StorageFull.into();
        let said = |e: Error| e.renamed(draft, name).to_string();
        assert!(said(Error::io(draft.join("b/c.png"), full())).starts_with("a/out/b/c.png: "));
        assert!(said(Error::io(draft, full())).starts_with("a/out: "));
        assert!(said(Error::io("a/.out.7.partly", full())).starts_with("a/.out.7.partly: "));
        assert_eq!(said(Error::Invalid("a/.out.7.part/d: no".into())), "a/out/d: no");
        let format = Error::format(draft.join("e"), Some(3), "x", "a/.out.7.part/f");
        assert_eq!(said(format), "a/out/e:3: expected x, got a/out/f");
    }
}

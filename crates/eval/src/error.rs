//! What can go wrong in evaluation.

use candle_vision_helpers::wrong::OneLine;
use std::path::{Path, PathBuf};

/// Result of an evaluation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an evaluation or a report failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is there to measure or to draw.
    #[error("{}", OneLine(.0))]
    Empty(String),
    /// A prediction that cannot be compared with its truth.
    #[error("{}: {}", OneLine(id), OneLine(reason))]
    Mismatch {
        /// Name of the sample.
        id: String,
        /// The reason: `expected …, got …`.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {reason}", OneLine(path.display()))]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error. Not called `source`, since printing the chain of causes would repeat it.
        reason: std::io::Error,
    },
    /// A file of a run folder is not what it should be.
    #[error("{}: expected {}, got {}", OneLine(path.display()), OneLine(expected), OneLine(got))]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A plot could not be drawn.
    #[error("cannot draw {}: {}", OneLine(what), OneLine(reason))]
    Plot {
        /// Title of the plot.
        what: String,
        /// The reason.
        reason: String,
    },
    /// Data could not be read.
    #[error(transparent)]
    Data(#[from] facekp_data::Error),
    /// A network could not be built, loaded or run.
    #[error(transparent)]
    Model(#[from] facekp_models::Error),
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// Makes an [`Error::Io`].
    pub fn io(path: impl Into<PathBuf>, reason: std::io::Error) -> Self {
        Self::Io { path: path.into(), reason }
    }

    /// The error of `name`, whose contents were made under the name `draft`, which nobody finds any more.
    #[must_use]
    pub fn renamed(self, draft: &Path, name: &Path) -> Self {
        let path = |path: PathBuf| path.strip_prefix(draft).map_or_else(|_| path.clone(), |below| name.join(below));
        match self {
            Self::Io { path: at, reason } => Self::Io { path: path(at), reason },
            Self::File { path: at, expected, got } => Self::File { path: path(at), expected, got },
            Self::Data(e) => Self::Data(e.renamed(draft, name)),
            other => other,
        }
    }

    /// The kind of the system's error, where a file could not be read or written.
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        match self {
            Self::Io { reason, .. } => Some(reason.kind()),
            Self::Data(e) => e.io_kind(),
            _ => None,
        }
    }

    /// Makes an [`Error::File`].
    pub fn file(path: impl Into<PathBuf>, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::File { path: path.into(), expected: expected.into(), got: got.into() }
    }

    /// Makes an [`Error::Plot`].
    pub fn plot(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Plot { what: what.into(), reason: reason.to_string() }
    }
}

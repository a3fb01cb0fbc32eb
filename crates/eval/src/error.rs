//! What can go wrong in evaluation.

use std::path::PathBuf;

/// The result of evaluation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an evaluation or a report failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No face to measure.
    #[error("{0}")]
    Empty(String),
    /// A prediction that cannot be compared with its truth.
    #[error("{id}: {reason}")]
    Mismatch {
        /// The sample.
        id: String,
        /// `expected …, got …`.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words. Not called `source`, since whoever prints the chain of causes would say them twice.
        reason: std::io::Error,
    },
    /// A file of a run folder is not what it should be.
    #[error("{}: expected {expected}, got {got}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A plot could not be drawn.
    #[error("cannot draw {what}: {reason}")]
    Plot {
        /// Which plot.
        what: String,
        /// Why.
        reason: String,
    },
    /// Data.
    #[error(transparent)]
    Data(#[from] facekp_data::Error),
    /// Networks and weights.
    #[error(transparent)]
    Model(#[from] facekp_models::Error),
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Io`] with its path.
    pub fn io(path: impl Into<PathBuf>, reason: std::io::Error) -> Self {
        Self::Io { path: path.into(), reason }
    }

    /// The system's kind, where a file could not be read or written.
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        match self {
            Self::Io { reason, .. } => Some(reason.kind()),
            Self::Data(e) => e.io_kind(),
            _ => None,
        }
    }

    /// An [`Error::File`] with its path.
    pub fn file(path: impl Into<PathBuf>, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::File { path: path.into(), expected: expected.into(), got: got.into() }
    }

    /// An [`Error::Plot`].
    pub fn plot(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Plot { what: what.into(), reason: reason.to_string() }
    }
}

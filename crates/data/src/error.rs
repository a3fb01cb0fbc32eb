//! What can be wrong with data: one line that says where, what was expected and what was there.

use std::path::PathBuf;

/// The result of reading data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why data could not be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text file breaks its format.
    #[error("{}{}: expected {expected}, got {got}", path.display(), line.map(|l| format!(":{l}")).unwrap_or_default())]
    Format {
        /// The file.
        path: PathBuf,
        /// 1-based, where one line is at fault.
        line: Option<usize>,
        /// What the format asks for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A picture cannot be decoded.
    #[error("{}: expected a whole JPEG or PNG picture, got {reason}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The decoder's words.
        reason: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A folder holds nothing of what was looked for.
    #[error("{}: expected {expected}, found none", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: String,
    },
    /// A download failed.
    #[error("{url}: {reason}")]
    Download {
        /// From where.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A request that this data cannot answer (a split it does not have, an impossible setting).
    #[error("{0}")]
    Invalid(String),
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Io`] with its path.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
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

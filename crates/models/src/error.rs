//! What can be wrong with networks and weight files.

use candle_vision_helpers::{Wrong, wrong::OneLine};
use std::path::PathBuf;

/// Result of building or loading a network.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be built, loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A weights file cannot be used.
    #[error("{}: {}", OneLine(path.display()), OneLine(reason))]
    Weights {
        /// The file.
        path: PathBuf,
        /// The reason: `expected …, got …`.
        reason: String,
    },
    /// No weights are found under a name.
    #[error("{}: expected {}", OneLine(name), OneLine(expected))]
    NoWeights {
        /// The name that was asked for.
        name: String,
        /// The things it could have been.
        expected: String,
    },
    /// A setting or a shape that no network can have.
    #[error(transparent)]
    Config(#[from] Wrong),
    /// Data could not be prepared.
    #[error(transparent)]
    Data(#[from] facekp_data::Error),
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Config`].
    pub(crate) fn config(at: &str, expected: impl std::fmt::Display, got: impl std::fmt::Display) -> Self {
        Self::Config(Wrong::new(at, expected, got))
    }
}

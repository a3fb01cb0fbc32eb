//! What is wrong with a picture, before it is known what the picture is called.

use crate::error::Error;
use std::{fmt::Display, io, path::Path};

/// Why a picture is refused.
#[derive(Debug)]
pub(crate) enum Fault {
    /// In words that follow "expected a whole … picture, got".
    Broken(String),
    /// It is larger than what is allowed.
    TooLarge {
        /// What is allowed, and how to allow more.
        expected: String,
        /// What it has.
        got: String,
    },
    /// It cannot be read.
    Io(io::Error),
}

impl Fault {
    pub(crate) fn broken(reason: impl ToString) -> Self {
        Self::Broken(reason.to_string())
    }

    /// What a decoder refused, in its words.
    pub(crate) fn unusual(reason: impl Display) -> Self {
        Self::Broken(format!("a damaged or unusual one: {reason}"))
    }

    /// What a decoder did not expect, in its panic's words.
    pub(crate) fn panicked(words: &str) -> Self {
        Self::unusual(format_args!("its decoder stumbled ({words})"))
    }

    /// The error of the picture at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Self::Broken(reason) => Error::Picture { path: path.into(), reason },
            Self::TooLarge { expected, got } => Error::format(path, None, expected, got),
            Self::Io(e) => Error::io(path, e),
        }
    }
}

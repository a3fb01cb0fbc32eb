//! What can go wrong in training.

use candle_vision_helpers::{Wrong, wrong::OneLine};
use std::path::PathBuf;

/// The result of training.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a recipe or a run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe is wrong.
    #[error("{}{}: {}", OneLine(file), line.map(|l| format!(":{l}")).unwrap_or_default(), OneLine(reason))]
    Recipe {
        /// The file, or the built-in recipe's name.
        file: String,
        /// 1-based.
        line: Option<usize>,
        /// `expected …, got …`.
        reason: String,
    },
    /// A setting that does not fit what it is used on.
    #[error(transparent)]
    Setting(#[from] Wrong),
    /// There are no such weights to start from.
    #[error("train.init_from: {reason}{hint}")]
    NoStart {
        /// What was looked for.
        reason: facekp_models::Error,
        /// What would help, if anything is known to.
        hint: String,
    },
    /// A checkpoint holds other tensors than the run needs.
    #[error("{}", OneLine(.0))]
    Tensors(String),
    /// A run folder cannot be used.
    #[error("{}: {}", OneLine(path.display()), OneLine(reason))]
    Run {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A run stopped where its files could not be written; says which epoch is whole.
    #[error("{}", OneLine(.0))]
    Unfinished(String),
    /// An observer asked for the end of a run.
    #[error("{name}: stopped in epoch {epoch}: {}", if *epoch > 1 {
        format!("`--resume` goes on behind epoch {}, the last one that is kept", epoch - 1)
    } else {
        "nothing is kept, for no epoch was over".to_owned()
    })]
    Stopped {
        /// The recipe.
        name: String,
        /// 1-based.
        epoch: usize,
    },
    /// The loss is no longer a number.
    #[error("{name}: the loss is {loss} {}: try a lower learning rate or gradient clipping", match step {
        Some(step) => format!("at epoch {epoch}, step {step}"),
        None => format!("in the validation behind epoch {epoch}"),
    })]
    Diverged {
        /// The recipe.
        name: String,
        /// 1-based.
        epoch: usize,
        /// 1-based within the epoch; `None` in its validation.
        step: Option<usize>,
        /// NaN or infinite.
        loss: f64,
    },
    /// Ranks that cannot train together.
    #[error("{}", OneLine(.0))]
    Rank(String),
    /// The device is not there.
    #[error("{}", OneLine(.0))]
    Device(String),
    /// Data.
    #[error(transparent)]
    Data(#[from] facekp_data::Error),
    /// Networks and weights.
    #[error(transparent)]
    Model(#[from] facekp_models::Error),
    /// Evaluation.
    #[error(transparent)]
    Eval(#[from] facekp_eval::Error),
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// An [`Error::Recipe`].
    pub(crate) fn recipe(file: &str, line: Option<usize>, reason: String) -> Self {
        Self::Recipe { file: file.to_owned(), line, reason }
    }

    /// An [`Error::Setting`].
    pub(crate) fn setting(at: &str, expected: impl std::fmt::Display, got: impl std::fmt::Display) -> Self {
        Self::Setting(Wrong::new(at, expected, got))
    }
}

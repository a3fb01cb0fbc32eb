//! How weights came about: with the recipe, what it takes to make them again.

use serde::{Deserialize, Serialize};

/// The program and the data that weights were made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The program with its version: `facekp 0.1.0`.
    pub program: String,
    /// The commit that the program was built from, as `FACEKP_COMMIT` said when it was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 of the faces that were trained and validated on: their names, boxes and points, not their pixels.
    pub data_sha256: String,
}

impl Origin {
    /// Of weights that this program makes of data with this digest.
    pub fn of(data_sha256: String) -> Self {
        let commit = option_env!("FACEKP_COMMIT").map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned);
        Self { program: concat!("facekp ", env!("CARGO_PKG_VERSION")).into(), commit, data_sha256 }
    }
}

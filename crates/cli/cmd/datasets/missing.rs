//! What helps where the dataset of a recipe is not there.

use anyhow::{Error, anyhow};
use facekp_data::datasets::fetch;
use std::path::Path;

/// The error of data that could not be opened below `dir`, with the command that downloads what is missing, if there is
/// one.
pub(crate) fn with_help(e: facekp_train::Error, dir: &Path) -> Error {
    // not into a folder that is a dataset itself
    let is_place = |found: &str| ["none", "no folder of that name"].contains(&found) || found.contains(" in ");
    let missing = match &e {
        facekp_train::Error::Data(facekp_data::Error::Empty { expected, found, .. }) if is_place(found) => {
            expected.strip_prefix("a dataset called ")
        }
        _ => None,
    };
    let is_of = |source: &fetch::Source| missing.is_some_and(|name| source.folder.starts_with(name));
    match fetch::SOURCES.into_iter().find(is_of) {
        Some(source) => {
            anyhow!("{e}; `facekp datasets fetch {} --out {}` downloads it", source.name, dir.display())
        }
        None => e.into(),
    }
}

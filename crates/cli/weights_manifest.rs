//! `manifest.toml` in a folder of weights: an entry per file, with its size and hash.

use crate::output::write_file;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::Path;
use toml::Table;

/// Puts an entry into the manifest, with the size and the hash of the weights; other entries stay as they are. The
/// caller holds [`facekp_data::alone`] since before it wrote the weights: other processes may add theirs.
pub(crate) fn record(file: &Path, name: &str, weights: &Path, mut entry: Table) -> Result<()> {
    let text = if file.exists() {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    } else {
        String::new()
    };
    let mut all: Table = text.parse().with_context(|| format!("{}: not TOML", file.display()))?;
    let bytes = std::fs::metadata(weights).with_context(|| weights.display().to_string())?.len();
    entry.insert("sha256".into(), sha256(weights)?.into());
    entry.insert("bytes".into(), i64::try_from(bytes)?.into());
    all.insert(name.into(), entry.into());
    let head = "# Weights that commands know by name; written by `facekp export` and by `facekp finder`.\n\
                # By hand: `added`, the commit that brought the file.\n\n";
    write_file(file, format!("{head}{}", toml::to_string_pretty(&all)?).as_bytes())
}

/// Corrects size and hash of weights that were written again, where a manifest beside them lists them.
pub(crate) fn record_again(weights: &Path) -> Result<()> {
    let file = weights.with_file_name("manifest.toml");
    let name = weights.file_stem().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let entry = text.parse::<Table>().ok().and_then(|all| all.get(&*name)?.as_table().cloned());
    match entry.filter(|entry| entry.contains_key("sha256")) {
        Some(entry) => record(&file, &name, weights, entry),
        None => Ok(()),
    }
}

/// The hash of a file, in hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect())
}

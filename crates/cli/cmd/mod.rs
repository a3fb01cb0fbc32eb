//! The commands, one a file.

pub mod bench;
pub mod datasets;
pub mod eval;
pub mod export;
pub mod predict;
pub mod report;
pub mod train;

use anyhow::{Context, Result};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Writes a result: to stdout for `-`, else to a file that appears only when whole.
pub fn write_result(target: &Path, text: &str) -> Result<()> {
    if target == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    }
    write_file(target, text.as_bytes())
}

/// Writes a file through a temporary neighbour that is renamed when whole.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = match path.parent() {
        Some(d) if !d.as_os_str().is_empty() => d.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let write = || -> Result<()> {
        std::fs::create_dir_all(&dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&dir)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Prints a line of results.
pub fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

//! What a command leaves: results on stdout or in files, and the line it fails with.

use anyhow::{Context, Result};
use candle_vision_helpers::wrong::OneLine;
use std::{
    io::{ErrorKind, Write},
    path::Path,
};

/// One line, whatever the causes: errors are read in terminals and in logs of CI.
pub(crate) fn one_line(e: &anyhow::Error) -> String {
    let mut line = e.to_string();
    for cause in e.chain().skip(1).map(ToString::to_string) {
        // many errors quote their cause themselves
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    OneLine(line).to_string()
}

/// Whether a cause is the system's, of one of these kinds.
pub(crate) fn is_of_kind(e: &anyhow::Error, kinds: &[ErrorKind]) -> bool {
    let kind = |c: &(dyn std::error::Error + 'static)| {
        let io = c.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let data = c.downcast_ref::<facekp_data::Error>().and_then(facekp_data::Error::io_kind);
        io.or(data).or(c.downcast_ref::<facekp_eval::Error>().and_then(facekp_eval::Error::io_kind))
    };
    e.chain().filter_map(kind).any(|kind| kinds.contains(&kind))
}

/// Options that contradict each other in a way that only the command sees: exit status 2, as for any wrong usage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

/// Writes a result: to stdout for `-`, else to a file that appears only when whole.
pub(crate) fn write_result(target: &Path, text: &str) -> Result<()> {
    if target == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    }
    write_file(target, text.as_bytes())
}

/// Writes a file that appears only when whole, and its folder.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(facekp_data::write_whole(path, bytes)?)
}

/// Prints a line of results.
pub(crate) fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

//! What a command leaves: results on stdout or in files, and the line it fails with.

use anyhow::{Context, Result, bail};
use candle_vision_helpers::wrong::OneLine;
use serde::Serialize;
use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Read, Write},
    path::{Path, PathBuf},
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

/// Writes the line that a failed command ends with.
pub(crate) fn fail(e: &anyhow::Error) {
    // a reader of stderr that went away is no reason to panic
    let _ = writeln!(std::io::stderr(), "facekp: {}", one_line(e));
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

/// A form of results, and how files of it begin.
pub(crate) struct ResultForm {
    name: &'static str,
    starts: &'static [&'static [u8]],
}

impl ResultForm {
    pub(crate) const JSON: Self = Self { name: "JSON", starts: &[b"{", b"["] };
    pub(crate) const CSV: Self = Self { name: "a table of errors", starts: &[b"id,"] };
    pub(crate) const DRAWING: Self = Self { name: "a PNG or SVG", starts: &[b"\x89PNG", b"<svg"] };
    pub(crate) const PACK: Self = Self { name: "a pack", starts: &[b"FKPACK"] };
    pub(crate) const Y4M: Self = Self { name: "Y4M", starts: &[b"YUV4MPEG2"] };

    /// Refuses to replace a file of another form: of `--json a.jpg b.jpg` the first is a photo of somebody's.
    pub(crate) fn may_replace(&self, target: &Path) -> Result<()> {
        const GLANCE: u64 = 64;
        let mut start = Vec::new();
        if target != Path::new("-") && target.is_file() && !facekp_data::is_stream(target) {
            // what cannot be read may be written all the same, or else that says why
            File::open(target).and_then(|file| file.take(GLANCE).read_to_end(&mut start)).ok();
        }
        let start = start.trim_ascii_start();
        if start.is_empty() || self.starts.iter().any(|known| start.starts_with(known)) {
            return Ok(());
        }
        bail!("{}: expected a new file, or {} to replace, got another file", target.display(), self.name)
    }
}

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

/// Where results go while they come, one after another: stdout for `-`, else a file, whose folder is made.
pub(crate) fn open_stream(target: &Path) -> Result<Box<dyn Write + Send>> {
    if target == Path::new("-") {
        return Ok(Box::new(std::io::stdout()));
    }
    let folder = target.parent().map_or(Ok(()), std::fs::create_dir_all);
    let file = folder.and_then(|()| File::create(target));
    Ok(Box::new(BufWriter::new(file.with_context(|| format!("cannot write {}", target.display()))?)))
}

/// Lines of JSON from a command that begins anew each time, each written as soon as it is known.
pub(crate) struct Lines {
    path: PathBuf,
    to: Box<dyn Write + Send>,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), to: open_stream(path)? })
    }

    pub(crate) fn add(&mut self, result: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(result)? + "\n";
        let written = self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

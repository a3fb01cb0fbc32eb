//! The file of `--jsonl`: one process writes it at a time, every line is whole, and it is continued where it ended.

use super::{settings::Settings, tally::Tally};
use crate::output::Usage;
use anyhow::{Context, Result, bail};
use facekp_data::{is_stream, lock};
use facekp_eval::PictureResult;
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// How every line begins.
const START: &[u8] = b"{\"file\":\"";

/// Lines, a picture each.
pub(super) struct Lines {
    path: PathBuf,
    to: To,
}

enum To {
    Stream(Box<dyn Write + Send>),
    /// A locked file and the length of its whole lines.
    File(File, u64),
}

/// Pictures that have a line already: how many of each name, since one may be given twice.
#[derive(Debug, Default)]
pub(super) struct Done {
    names: HashMap<Vec<u8>, usize>,
    /// What the lines say.
    pub tally: Tally,
}

impl Lines {
    /// Replaces the file, with no word of what it was made with.
    ///
    /// # Errors
    /// When another process is writing to it, or it cannot be written.
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let to = if path == Path::new("-") {
            To::Stream(Box::new(std::io::stdout()))
        } else if is_stream(path) {
            To::Stream(Box::new(File::options().append(true).open(path).with_context(|| cannot(path))?))
        } else {
            let file = take(path)?;
            Settings::forget(path);
            file.set_len(0).with_context(|| cannot(path))?;
            To::File(file, 0)
        };
        Ok(Self { path: path.to_path_buf(), to })
    }

    /// Continues the file, or begins it: which pictures have a line. A last line that was cut short is taken away.
    /// Faces have `points` points.
    ///
    /// # Errors
    /// As [`Lines::begin`]; when a line is no entry of a picture, or was made with something else.
    pub(super) fn resume(path: &Path, settings: &Settings, points: usize) -> Result<(Self, Done)> {
        if path == Path::new("-") || is_stream(path) {
            let reason = format!("--resume: expected --jsonl with a file, got {}", path.display());
            return Err(Usage(reason).into());
        }
        let mut file = take(path)?;
        let Found { done, whole, torn } = read(path, &mut BufReader::new(&file), points)?;
        let then = Settings::read(path)?;
        match &then {
            Some(then) if whole > 0 => {
                if let Some(difference) = then.difference(settings) {
                    let advice = "choose another file, or begin anew without --resume";
                    bail!("{}: expected what its lines were made with, got {difference}; {advice}", path.display());
                }
            }
            None if whole > 0 => {
                let beside = Settings::beside(path);
                tracing::warn!("{}: not there, so lines may be of other options or weights", beside.display());
            }
            _ => {}
        }
        if torn > 0 {
            tracing::warn!("{}: the last line was cut short and is taken away, {torn} bytes", path.display());
            file.set_len(whole).with_context(|| cannot(path))?;
        }
        file.seek(SeekFrom::Start(whole)).with_context(|| cannot(path))?;
        if then.as_ref() != Some(settings) {
            settings.write(path)?;
        }
        Ok((Self { path: path.to_path_buf(), to: To::File(file, whole) }, done))
    }

    /// Writes a line for each result, and does not return before a file's are on the disk.
    ///
    /// # Errors
    /// When they cannot be written; then the file ends with its last whole line.
    pub(super) fn add(&mut self, results: &[PictureResult]) -> Result<()> {
        for result in results {
            let line = serde_json::to_string(result)? + "\n";
            match &mut self.to {
                To::Stream(to) => to.write_all(line.as_bytes()).and_then(|()| to.flush()),
                To::File(file, whole) => match file.write_all(line.as_bytes()) {
                    Ok(()) => {
                        *whole += line.len() as u64;
                        Ok(())
                    }
                    Err(e) => {
                        file.set_len(*whole).ok();
                        Err(e)
                    }
                },
            }
            .with_context(|| cannot(&self.path))?;
        }
        match &self.to {
            To::File(file, _) if !results.is_empty() => file.sync_data().with_context(|| cannot(&self.path)),
            _ => Ok(()),
        }
    }
}

impl Done {
    fn add(&mut self, entry: &PictureResult) {
        let name = entry.file_bytes.clone().unwrap_or_else(|| entry.file.clone().into_bytes());
        *self.names.entry(name).or_default() += 1;
        self.tally.add(entry);
    }

    /// Whether the picture has a line, which then counts no more.
    pub(super) fn take(&mut self, picture: &Path) -> bool {
        match self.names.get_mut(picture.as_os_str().as_encoded_bytes()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// How many lines were not taken.
    pub(super) fn left(&self) -> usize {
        self.names.values().sum()
    }
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// The file, locked, and made where there is none.
fn take(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| cannot(path))?;
    }
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path).with_context(|| cannot(path))?;
    if !lock(path, &file) {
        bail!("{}: another process is writing to it: wait for its end, or choose another file", path.display());
    }
    Ok(file)
}

/// What stands in a file.
struct Found {
    done: Done,
    /// Bytes of its whole lines …
    whole: u64,
    /// … and of a last line that was cut short.
    torn: usize,
}

fn read(path: &Path, from: &mut impl BufRead, points: usize) -> Result<Found> {
    let (mut done, mut whole, mut line, mut number) = (Done::default(), 0, Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let length = from.read_until(b'\n', &mut line).with_context(|| path.display().to_string())?;
        if length == 0 {
            return Ok(Found { done, whole, torn: 0 });
        }
        let place = || format!("{}:{number}", path.display());
        match serde_json::from_slice::<PictureResult>(&line) {
            Ok(entry) if line.ends_with(b"\n") => {
                if let Some(face) = entry.faces.iter().find(|face| face.points.len() != points) {
                    bail!("{}: expected faces of {points} points, got one of {}", place(), face.points.len());
                }
                done.add(&entry);
                whole += length as u64;
            }
            _ if is_torn(&line) && from.fill_buf().with_context(place)?.is_empty() => {
                return Ok(Found { done, whole, torn: length });
            }
            _ => {
                let start = String::from_utf8_lossy(&line[..length.min(SHOWN)]);
                bail!("{}: expected the entry of a picture, a line of JSON, got {:?}", place(), start.trim_end());
            }
        }
    }
}

/// So much of a line that is none is shown, bytes.
const SHOWN: usize = 60;

/// Whether a line may be the beginning of one of ours, or, as after a loss of power, has none of its bytes: what is
/// somebody else's is not cut.
fn is_torn(line: &[u8]) -> bool {
    let length = line.len().min(START.len());
    line[..length] == START[..length] || line.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;

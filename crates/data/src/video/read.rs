//! Reads Y4M: frames of one size, as they come, each checked before it takes memory.

use super::{
    color,
    header::{EXPECTED, Header, shown},
    rate::Rate,
};
use crate::error::{Error, Result};
use image::RgbImage;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// Bytes of a line at most: a header is shorter, and what has none that ends is no Y4M.
const MOST_LINE: u64 = 1024;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// A stream of frames.
pub(super) struct Y4m {
    from: Box<dyn BufRead + Send>,
    path: PathBuf,
    header: Header,
    /// The bytes of a frame; kept, so that its memory is.
    bytes: Vec<u8>,
}

impl Y4m {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        Self::read(Box::new(BufReader::with_capacity(BUFFER, file)), path)
    }

    pub(super) fn read(mut from: Box<dyn BufRead + Send>, path: &Path) -> Result<Self> {
        let line = line(&mut from).map_err(|e| Error::io(path, e))?;
        let Some(fields) = line.strip_suffix(b"\n") else {
            let got = if line.is_empty() { "nothing".into() } else { shown(&line) };
            return Err(Error::format(path, None, EXPECTED, got));
        };
        let header = Header::parse(path, fields)?;
        Ok(Self { from, path: path.to_path_buf(), header, bytes: Vec::new() })
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        self.header.rate
    }

    /// The next frame, which is the one called `number` where it is not whole; `None` at the end.
    pub(super) fn next_frame(&mut self, number: usize) -> Result<Option<RgbImage>> {
        let io = |e| Error::io(&self.path, e);
        let wrong = |expected: String, got: String| Error::format(&self.path, None, expected, got);
        let line = line(&mut self.from).map_err(io)?;
        if line.is_empty() {
            return Ok(None);
        }
        match line.strip_suffix(b"\n").map(|line| line.strip_prefix(b"FRAME")) {
            Some(Some([] | [b' ', ..])) => {}
            Some(_) => return Err(wrong(format!("the line FRAME before frame {number}"), shown(&line))),
            None if b"FRAME".starts_with(&line) => {
                return Err(wrong(format!("a whole frame {number}"), "the end within its first line".into()));
            }
            None => return Err(wrong(format!("the line FRAME before frame {number}"), shown(&line))),
        }
        let all = self.header.bytes();
        self.bytes.clear();
        // as much memory as there are bytes, whatever the header says
        (&mut self.from).take(all as u64).read_to_end(&mut self.bytes).map_err(io)?;
        let short = || wrong(format!("{all} bytes of frame {number}"), format!("{} and the end", self.bytes.len()));
        color::to_rgb(&self.header, &self.bytes).map(Some).ok_or_else(short)
    }
}

/// A line with its end, where it has one.
fn line(from: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(MOST_LINE).read_until(b'\n', &mut line)?;
    Ok(line)
}

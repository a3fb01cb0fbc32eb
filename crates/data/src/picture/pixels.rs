//! Pictures that stand as numbers in a line of a table: square, grey, row by row.

use super::Picture;
use crate::error::{Error, Result};
use candle_vision_helpers::{Affine, Size};
use image::{Rgb, RgbImage};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

/// The longest side that is read, pixels.
const MOST_SIDE: usize = 1024;
/// The most bytes of a line: four for a pixel, and the cells before them.
pub(crate) const MOST_BYTES: u64 = 4 * (MOST_SIDE * MOST_SIDE) as u64 + (1 << 20);

/// Where such a picture stands: in the last cell of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    /// The table.
    pub file: PathBuf,
    /// The byte at which the line begins.
    pub at: u64,
    /// Its number, from 1.
    pub line: usize,
}

impl Pixels {
    /// Reads the picture.
    ///
    /// # Errors
    /// When the file cannot be read, or its pixels are no numbers from 0 to 255, or not those of a square.
    pub(crate) fn load(&self) -> Result<Picture> {
        let io = |e| Error::io(&self.file, e);
        let mut file = BufReader::new(File::open(&self.file).map_err(io)?);
        file.seek(SeekFrom::Start(self.at)).map_err(io)?;
        let mut line = Vec::new();
        file.take(MOST_BYTES).read_until(b'\n', &mut line).map_err(io)?;
        let text = String::from_utf8_lossy(&line);
        let cell = text.trim_end().rsplit(',').next().unwrap_or_default().trim_matches('"');
        let wrong = |expected: String, got: String| Error::format(&self.file, Some(self.line), expected, got);
        let grey = cell
            .split_ascii_whitespace()
            .map(|v| v.parse::<u8>().map_err(|_| wrong("pixels from 0 to 255".into(), crate::formats::quoted(v))));
        let grey = grey.collect::<Result<Vec<u8>>>()?;
        let side = grey.len().isqrt();
        if side * side != grey.len() || !(1..=MOST_SIDE).contains(&side) {
            let expected = format!("the pixels of a square, at most {MOST_SIDE} a side");
            return Err(wrong(expected, grey.len().to_string()));
        }
        let pixel = |x: u32, y: u32| Rgb([grey[y as usize * side + x as usize]; 3]);
        Ok(Picture {
            image: Arc::new(RgbImage::from_fn(side as u32, side as u32, pixel)),
            original: Size::new(side, side),
            to_image: Affine::IDENTITY,
            orientation: 1,
            lack: None,
        })
    }
}

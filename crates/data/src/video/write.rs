//! Writes Y4M: 4:2:0, eight bits, limited range, the colors as they are read.

use super::{color::Weights, rate::Rate};
use crate::error::{Error, Result};
use candle_vision_helpers::Size;
use image::RgbImage;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A stream of frames of one size.
pub struct Y4mWriter {
    to: Box<dyn Write + Send>,
    path: PathBuf,
    size: Size,
    bytes: Vec<u8>,
}

impl Y4mWriter {
    /// Begins a stream; errors call it `path`.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn new(to: Box<dyn Write + Send>, path: &Path, size: Size, rate: Rate) -> Result<Self> {
        let mut this = Self { to, path: path.to_path_buf(), size, bytes: Vec::new() };
        let Size { width, height } = size;
        let colors = "C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED";
        let header = format!("YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 {colors}\n");
        let written = this.to.write_all(header.as_bytes());
        this.done(written)?;
        Ok(this)
    }

    /// Writes a frame and hands it on to whoever reads.
    ///
    /// # Errors
    /// When it has another size than the stream, or cannot be written.
    pub fn write(&mut self, frame: &RgbImage) -> Result<()> {
        let (Size { width: w, height: h }, got) = (self.size, frame.dimensions());
        if Size::of(frame) != self.size {
            let (expected, got) = (format!("frames of {w}x{h} in a Y4M"), format!("one of {}x{}", got.0, got.1));
            return Err(Error::format(&self.path, None, expected, got));
        }
        self.encode(frame);
        let written = self.to.write_all(&self.bytes).and_then(|()| self.to.flush());
        self.done(written)
    }

    fn done(&self, written: io::Result<()>) -> Result<()> {
        written.map_err(|e| Error::io(&self.path, e))
    }

    /// `FRAME` and the three planes; a color sample is the mean of the pixels about it.
    fn encode(&mut self, frame: &RgbImage) {
        let (weights, (w, h)) = (Weights::of(self.size), (self.size.width, self.size.height));
        let (across, down) = (w.div_ceil(2), h.div_ceil(2));
        let byte = |v: f64| v.round().clamp(0.0, 255.0) as u8;
        self.bytes.clear();
        self.bytes.extend_from_slice(b"FRAME\n");
        let mut sums = vec![([0.0; 2], 0.0); across * down];
        for (i, pixel) in frame.as_raw().as_chunks::<3>().0.iter().enumerate() {
            let [luma, blue, red] = weights.encoded(pixel.map(f64::from));
            self.bytes.push(byte(luma));
            let (sum, count) = &mut sums[i / w / 2 * across + i % w / 2];
            (sum[0], sum[1], *count) = (sum[0] + blue, sum[1] + red, *count + 1.0);
        }
        for plane in 0..2 {
            self.bytes.extend(sums.iter().map(|(sum, count)| byte(sum[plane] / count)));
        }
    }
}

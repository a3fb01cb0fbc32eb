//! What a picture's first bytes say: its format and size, and for a JPEG how it is coded.

use super::{
    fault::Fault,
    kind::{Kind, PNG, PREFIX},
    webp,
};
use candle_vision_helpers::{Size, caught::caught};
use image::{ImageError, ImageReader};
use std::io::{BufRead, ErrorKind, Read, Seek};

/// What is known before anything is decoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    pub size: Size,
    /// `None` for all that is no JPEG.
    pub jpeg: Option<Frame>,
}

/// A JPEG's frame header (ITU-T T.81, B.2.2).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    /// Its marker: `C0` baseline, `C1` extended, `C2` progressive, others are not decoded.
    pub kind: u8,
    pub size: Size,
    pub components: Vec<Component>,
    /// The color transform of an Adobe segment before it.
    pub adobe: Option<u8>,
}

/// A component of a JPEG and its sampling factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Component {
    pub id: u8,
    pub across: usize,
    pub down: usize,
}

impl Frame {
    pub(super) fn is_progressive(&self) -> bool {
        self.kind == 0xc2
    }

    /// Of all components.
    pub(super) fn most_across(&self) -> usize {
        self.components.iter().map(|c| c.across).max().unwrap_or(1)
    }

    /// Of all components.
    pub(super) fn most_down(&self) -> usize {
        self.components.iter().map(|c| c.down).max().unwrap_or(1)
    }

    /// From what follows the segment's length.
    pub(super) fn parse(kind: u8, segment: &[u8], adobe: Option<u8>) -> Option<Self> {
        let [_, h1, h0, w1, w0, count, components @ ..] = segment else { return None };
        let side = |hi: &u8, lo: &u8| usize::from(u16::from_be_bytes([*hi, *lo]));
        let components = components.chunks_exact(3).take(usize::from(*count));
        let components: Vec<_> = components
            .map(|c| Component { id: c[0], across: usize::from(c[1] >> 4), down: usize::from(c[1] & 15) })
            .collect();
        let sound = components.iter().all(|c| (1..=4).contains(&c.across) && (1..=4).contains(&c.down));
        let sound = sound && components.len() == usize::from(*count) && (1..=4).contains(count);
        sound.then(|| Self { kind, size: Size::new(side(w1, w0), side(h1, h0)), components, adobe })
    }
}

/// Whether a marker begins a frame header.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// The header of a picture; the outer error is one of reading.
pub(super) fn read(reader: &mut (impl BufRead + Seek)) -> std::io::Result<Result<Header, Fault>> {
    let mut prefix = Vec::new();
    reader.by_ref().take(PREFIX).read_to_end(&mut prefix)?;
    let kind = match Kind::of(&prefix) {
        Ok(kind) => kind,
        Err(fault) => return Ok(Err(fault)),
    };
    reader.seek_relative(-(prefix.len() as i64))?;
    let mut frame = None;
    let size = match kind {
        Kind::Jpeg => {
            reader.read_exact(&mut [0; 2])?;
            frame = jpeg(reader)?;
            match &frame {
                Some(frame) => frame.size,
                None => return Ok(Err(Fault::broken("a JPEG without a frame header"))),
            }
        }
        Kind::Png => {
            let mut bytes = [0; PNG.len() + 16];
            reader.read_exact(&mut bytes)?;
            let side = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            Size::new(side(16) as usize, side(20) as usize)
        }
        Kind::Gif => {
            let mut bytes = [0; 13];
            reader.read_exact(&mut bytes)?;
            let side = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            Size::new(side(6), side(8))
        }
        Kind::WebP => {
            let mut bytes = Vec::new();
            reader.take(webp::HEADER).read_to_end(&mut bytes)?;
            match webp::size(&bytes) {
                Some(size) => size,
                None if bytes.len() as u64 == webp::HEADER => {
                    return Ok(Err(Fault::broken("a WebP that does not begin with its size")));
                }
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        Kind::Bmp | Kind::Tiff => match caught(|| ImageReader::with_format(reader, kind.format()).into_dimensions()) {
            Ok(Ok((width, height))) => Size::new(width as usize, height as usize),
            Ok(Err(ImageError::IoError(e))) => return Err(e),
            Ok(Err(e)) => return Ok(Err(Fault::unusual(e))),
            Err(words) => return Ok(Err(Fault::panicked(&words))),
        },
    };
    let Size { width, height } = size;
    if width == 0 || height == 0 {
        return Ok(Err(Fault::broken(format!("one of {width}x{height} pixels"))));
    }
    Ok(Ok(Header { kind, size, jpeg: frame }))
}

/// Walks the segments after the start of image up to the first frame header.
fn jpeg(reader: &mut (impl Read + Seek)) -> std::io::Result<Option<Frame>> {
    let (mut byte, mut adobe) = ([0; 1], None);
    loop {
        reader.read_exact(&mut byte)?;
        if byte[0] != 0xff {
            return Ok(None);
        }
        while byte[0] == 0xff {
            reader.read_exact(&mut byte)?;
        }
        let marker = byte[0];
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            continue;
        }
        let mut length = [0; 2];
        reader.read_exact(&mut length)?;
        let length = u16::from_be_bytes(length);
        if length < 2 || matches!(marker, 0xd9 | 0xda) {
            return Ok(None);
        }
        if is_frame(marker) || marker == 0xee {
            let mut segment = vec![0; usize::from(length) - 2];
            reader.read_exact(&mut segment)?;
            if marker != 0xee {
                return Ok(Frame::parse(marker, &segment, adobe));
            }
            if segment.starts_with(b"Adobe") {
                adobe = segment.get(11).copied();
            }
        } else {
            reader.seek_relative(i64::from(length) - 2)?;
        }
    }
}

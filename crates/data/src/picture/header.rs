//! What a picture's first bytes say: its format and size, and for a JPEG how it is coded.

use super::fault::Fault;
use candle_vision_helpers::Size;
use std::io::{Read, Seek};

const PNG: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8; 2] = b"\xff\xd8";

/// What is known before anything is decoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub size: Size,
    /// `None` for a PNG.
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

/// Refuses what begins neither as a JPEG nor as a PNG.
pub(super) fn check_magic(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.is_empty() {
        Err(Fault::broken("an empty file"))
    } else if is_jpeg(bytes) || bytes.starts_with(PNG) {
        Ok(())
    } else {
        Err(Fault::broken("neither JPEG nor PNG data"))
    }
}

/// Whether the bytes begin as a JPEG.
pub(super) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(JPEG)
}

/// The header of a picture; the outer error is one of reading.
pub(super) fn read(reader: &mut (impl Read + Seek)) -> std::io::Result<Result<Header, Fault>> {
    let mut magic = [0; 2];
    reader.read_exact(&mut magic)?;
    let header = if &magic == JPEG {
        match jpeg(reader)? {
            Some(frame) => Header { size: frame.size, jpeg: Some(frame) },
            None => return Ok(Err(Fault::broken("a JPEG without a frame header"))),
        }
    } else if magic == PNG[..2] {
        let mut rest = [0; 22];
        reader.read_exact(&mut rest)?;
        if rest[..6] != PNG[2..] {
            return Ok(Err(Fault::broken("neither JPEG nor PNG data")));
        }
        let side = |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]) as usize;
        Header { size: Size::new(side(14), side(18)), jpeg: None }
    } else {
        return Ok(Err(Fault::broken("neither JPEG nor PNG data")));
    };
    let Size { width, height } = header.size;
    if width == 0 || height == 0 {
        return Ok(Err(Fault::broken(format!("one of {width}x{height} pixels"))));
    }
    Ok(Ok(header))
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

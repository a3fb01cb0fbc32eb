//! Which kind of picture a file holds, by its first bytes: its name may be anything.

use super::fault::Fault;
use image::ImageFormat;

/// As many first bytes as are looked at.
pub(super) const PREFIX: u64 = 32;
/// Those of a PNG.
pub(super) const PNG: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8; 2] = b"\xff\xd8";
/// Little and big endian, and both with 64-bit offsets.
const TIFF: [&[u8; 4]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// A kind of picture that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    WebP,
    Bmp,
    Gif,
    Tiff,
}

impl Kind {
    /// Refuses what begins as none of them; HEIC and AVIF by their names.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Fault> {
        let is = |magic: &[u8]| bytes.starts_with(magic);
        if bytes.is_empty() {
            return Err(Fault::broken("an empty file"));
        }
        Ok(match bytes {
            _ if is(JPEG) => Self::Jpeg,
            _ if is(PNG) => Self::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            _ if is(b"GIF87a") || is(b"GIF89a") => Self::Gif,
            _ if TIFF.iter().any(|magic| is(*magic)) => Self::Tiff,
            _ if is(b"BM") => Self::Bmp,
            _ => return Err(Fault::Broken(other(bytes))),
        })
    }

    pub(super) fn format(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
            Self::Gif => ImageFormat::Gif,
            Self::Tiff => ImageFormat::Tiff,
        }
    }
}

/// What the bytes are instead. The brands of ISO/IEC 14496-12 stand behind `ftyp`, the second of them being a version.
fn other(bytes: &[u8]) -> String {
    let [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] = bytes else { return "data of none of these kinds".into() };
    let length = bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b) as usize).saturating_sub(8);
    let any = |names: &[&[u8]]| brands.chunks(4).take(length / 4).any(|b| names.contains(&b));
    let name = if any(&[b"avif", b"avis"]) {
        "an AVIF"
    } else if any(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"]) {
        "a HEIC"
    } else if any(&[b"mif1", b"msf1", b"mif2"]) {
        "a HEIF"
    } else {
        return "a film, or other data of none of these kinds".into();
    };
    format!("{name} one, which is not read: convert it to JPEG or PNG first")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        match Kind::of(bytes) {
            Err(Fault::Broken(what)) => what,
            other => format!("{other:?}"),
        }
    }

    /// Brands as phones and encoders write them: the major one, a version, the compatible ones.
    #[test]
    fn pictures_of_phones_that_are_not_read_are_named() {
        let boxed = |brands: &[u8]| [&(8 + brands.len() as u32).to_be_bytes()[..], b"ftyp", brands].concat();
        assert!(refusal(&boxed(b"heic\0\0\0\0mif1heic")).starts_with("a HEIC one, which is not read: convert it"));
        assert!(refusal(&boxed(b"mif1\0\0\0\0mif1heic")).starts_with("a HEIC one"));
        assert!(refusal(&boxed(b"mif1\0\0\0\0mif1avif")).starts_with("an AVIF one"));
        assert!(refusal(&boxed(b"avif\0\0\0\0")).starts_with("an AVIF one"));
        assert!(refusal(&boxed(b"msf1\0\0\0\0")).starts_with("a HEIF one"));
        assert!(refusal(&boxed(b"isom\0\0\x02\0isom")).starts_with("a film"));
        // What stands behind the box is no brand.
        assert!(refusal(&[&boxed(b"isom\0\0\0\0")[..], b"heic"].concat()).starts_with("a film"));
    }
}

//! Pictures from files: strictly for data, where one that was cut short is an error and not a picture with a grey half;
//! as far as they go for a user's own photos. What a picture may cost is limited.

mod alpha;
mod bits;
mod blocks;
mod decode;
mod fault;
mod gif;
mod header;
mod jpeg;
mod kind;
mod limits;
mod pixels;
mod png;
mod tiff;
mod webp;
mod whole;

pub(crate) use decode::{Decoded, Strictness, decode};
pub(crate) use limits::check_frame;
pub use limits::{DEFAULT_MAX_PIXELS, max_pixels, set_max_pixels};
pub(crate) use pixels::{MOST_BYTES, Pixels};

use crate::error::{Error, Result};
use candle_vision_helpers::{Affine, Size};
use fault::Fault;
use image::{DynamicImage, RgbImage, metadata::Orientation};
use kind::Kind;
use std::{
    fs::File,
    io::{BufReader, ErrorKind, Read, Seek},
    path::Path,
    sync::Arc,
};

/// Width and height from the file's header; reads no more than that.
///
/// # Errors
/// When there is no such file, it does not begin as a picture that is read, or has more pixels than are allowed.
pub fn picture_size(path: &Path) -> Result<Size> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let header = header::read(&mut BufReader::new(file)).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => Fault::broken("a file that ends within its header"),
        _ => Fault::Io(e),
    });
    let header = header.and_then(|h| h).and_then(|h| limits::check_pixels(h.size).map(|()| h));
    header.map(|h| h.size).map_err(|fault| fault.at(path))
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// RGB; grey repeats its channel, and what is transparent shows white. A picture of more than 64 · 2²⁰ pixels is
    /// shrunk by 2, 4 or 8, as far as 16 · 2²⁰ stay: a JPEG while it is decoded, all others afterwards.
    pub image: Arc<RgbImage>,
    /// The size before it was shrunk.
    pub original: Size,
    /// From original pixels to those of `image`; the identity where it was not shrunk.
    pub to_image: Affine,
    /// How the camera was held (EXIF), 1 to 8; 1 is upright. A photo has been turned accordingly, data have not.
    pub orientation: u8,
    /// What is missing from a photo, in words that follow "got".
    pub lack: Option<String>,
}

/// A picture that is in memory already, upright and whole.
impl From<RgbImage> for Picture {
    fn from(image: RgbImage) -> Self {
        let (original, image) = (Size::of(&image), Arc::new(image));
        Self { image, original, to_image: Affine::IDENTITY, orientation: 1, lack: None }
    }
}

/// Decodes a picture as it lies in the file. Annotations are in these pixels.
///
/// # Errors
/// When it cannot be read, is of another kind than those that are read, is not whole, or takes more than it may.
pub fn load_picture(path: &Path) -> Result<Picture> {
    load_with_bytes(path).map(|(picture, _)| picture)
}

/// [`load_picture`] with the bytes that were decoded: the file may be another one by the time it is read again.
///
/// # Errors
/// As [`load_picture`].
pub fn load_with_bytes(path: &Path) -> Result<(Picture, Vec<u8>)> {
    let bytes = read(path)?;
    let decoded = decode(&bytes, Strictness::Data).map_err(|fault| fault.at(path))?;
    let Decoded { image, original, to_image, orientation, lack } = decoded;
    Ok((Picture { image: Arc::new(image), original, to_image, orientation: orientation.to_exif(), lack }, bytes))
}

/// Decodes a user's own photo, which has no annotation: turned upright as the camera noted it (EXIF), and as far as it
/// goes where a part is missing.
///
/// # Errors
/// When it cannot be read, is of another kind than those that are read, holds no picture at all, or takes more than it
/// may.
pub fn load_photo(path: &Path) -> Result<Picture> {
    decode(&read(path)?, Strictness::Photo).map(turned).map_err(|fault| fault.at(path))
}

/// [`load_photo`] on a file's bytes in memory; `name` is for the errors.
///
/// # Errors
/// As [`load_photo`].
pub fn decode_photo(name: &Path, bytes: &[u8]) -> Result<Picture> {
    let checked = limits::check_file(bytes.len() as u64).and_then(|()| Kind::of(bytes));
    checked.and_then(|_| decode(bytes, Strictness::Photo)).map(turned).map_err(|fault| fault.at(name))
}

/// As the camera was held.
fn turned(decoded: Decoded) -> Picture {
    let Decoded { image, original, to_image, orientation, lack } = decoded;
    let shrunk = Size::of(&image);
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let (before, after) = (upright(orientation, original), upright(orientation, shrunk));
    let to_image = match shrunk == original {
        true => to_image,
        false => before.inverse().then(&to_image).then(&after),
    };
    let image = Arc::new(image.into_rgb8());
    let original = if is_quarter(orientation) { Size::new(original.height, original.width) } else { original };
    Picture { image, original, to_image, orientation: orientation.to_exif(), lack }
}

fn is_quarter(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

/// From a file's pixels to those of the upright picture; `size` is the file's.
fn upright(orientation: Orientation, size: Size) -> Affine {
    let (right, bottom) = (size.width as f64 - 1.0, size.height as f64 - 1.0);
    let map = match orientation {
        Orientation::NoTransforms => return Affine::IDENTITY,
        Orientation::FlipHorizontal => [-1.0, 0.0, right, 0.0, 1.0, 0.0],
        Orientation::Rotate180 => [-1.0, 0.0, right, 0.0, -1.0, bottom],
        Orientation::FlipVertical => [1.0, 0.0, 0.0, 0.0, -1.0, bottom],
        Orientation::Rotate90FlipH => [0.0, 1.0, 0.0, 1.0, 0.0, 0.0],
        Orientation::Rotate90 => [0.0, -1.0, bottom, 1.0, 0.0, 0.0],
        Orientation::Rotate270FlipH => [0.0, -1.0, bottom, -1.0, 0.0, right],
        Orientation::Rotate270 => [0.0, 1.0, 0.0, -1.0, 0.0, right],
    };
    // Each of these has an inverse.
    Affine::new(map).unwrap_or(Affine::IDENTITY)
}

/// The bytes of a picture's file: what is no picture, or too large a one, is not read on.
fn read(path: &Path) -> Result<Vec<u8>> {
    let (io, at) = (|e| Error::io(path, e), |fault: Fault| fault.at(path));
    let mut file = File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    let mut bytes = Vec::new();
    if about.is_file() {
        limits::check_file(about.len()).map_err(at)?;
        // Only its size counts here: whatever else is wrong with a header is named when it is decoded.
        if let Ok(Ok(header)) = header::read(&mut BufReader::new(&file)) {
            limits::check_pixels(header.size).map_err(at)?;
        }
        file.rewind().map_err(io)?;
        // Without that memory, reading says so.
        bytes.try_reserve_exact(usize::try_from(about.len()).unwrap_or(0)).ok();
    }
    (&mut file).take(kind::PREFIX).read_to_end(&mut bytes).map_err(io)?;
    Kind::of(&bytes).map_err(at)?;
    let most = limits::max_file();
    file.take(most - bytes.len() as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    limits::check_file(bytes.len() as u64).map_err(at)?;
    Ok(bytes)
}

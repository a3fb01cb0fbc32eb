//! From the bytes of a picture to pixels: checked first, large ones at a part of their size.

use super::{
    alpha,
    fault::Fault,
    header::{self, Header},
    kind::Kind,
    limits,
    whole::{self, Whole},
};
use candle_vision_helpers::{Affine, Size, caught::caught, warp::shrink};
use image::{
    ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, RgbImage, RgbaImage, metadata::Orientation,
};
use jpeg_decoder::{ColorTransform, PixelFormat};
use std::io::{Cursor, ErrorKind};

/// What becomes of a picture that is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It is refused: annotated data have all their pixels or are no data.
    Data,
    /// What is there is decoded: a user's own photo is better than none.
    Photo,
}

/// A picture as it lies in its file.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Smaller than the file's picture when that is large.
    pub image: RgbImage,
    /// The size in the file.
    pub original: Size,
    /// From the file's pixels to those of `image`.
    pub to_image: Affine,
    pub orientation: Orientation,
    /// What is missing.
    pub lack: Option<String>,
}

/// Decodes a picture in memory.
pub(crate) fn decode(bytes: &[u8], strictness: Strictness) -> Result<Decoded, Fault> {
    caught(|| parts(bytes, strictness)).unwrap_or_else(|words| Err(Fault::panicked(&words)))
}

fn parts(bytes: &[u8], strictness: Strictness) -> Result<Decoded, Fault> {
    // A header that cannot be read is named by what follows.
    let header = match header::read(&mut Cursor::new(bytes)) {
        Ok(header) => header?,
        Err(_) => return Err(cut(bytes)),
    };
    limits::check_pixels(header.size)?;
    let mut whole = whole::look(bytes, &header)?;
    match whole.lack.take() {
        None => pixels(&whole, &header, strictness),
        Some(what) if strictness == Strictness::Data => Err(Fault::Broken(what)),
        Some(what) => match pixels(&whole, &header, strictness) {
            Ok(decoded) => Ok(Decoded { lack: Some(what), ..decoded }),
            // Not what the decoder stumbled over because of it.
            Err(Fault::Broken(_)) => Err(Fault::Broken(what)),
            Err(other) => Err(other),
        },
    }
}

fn cut(bytes: &[u8]) -> Fault {
    Fault::Broken(format!("one cut short: its {} bytes end within its header", bytes.len()))
}

fn pixels(whole: &Whole<'_>, header: &Header, strictness: Strictness) -> Result<Decoded, Fault> {
    let mut reader = ImageReader::with_format(Cursor::new(&whole.bytes[..]), header.kind.format());
    let mut most = image::Limits::no_limits();
    most.max_alloc = Some(limits::max_memory());
    reader.limits(most);
    let mut decoder = reader.into_decoder().map_err(Fault::broken)?;
    let orientation = whole.orientation.or_else(|| decoder.orientation().ok()).unwrap_or(Orientation::NoTransforms);
    let original = header.size;
    let by = limits::shrinking(original);
    let (mut lack, scaled) = (None, if by > 1 { scaled(&whole.bytes, header, by, whole.scans) } else { None });
    let (image, to_image) = match scaled {
        Some(scaled) => scaled,
        None => {
            let image = full(decoder, header, whole, strictness, &mut lack)?;
            if by > 1 { shrink(&image, 1.0 / f64::from(by)) } else { (image, Affine::IDENTITY) }
        }
    };
    Ok(Decoded { image, original, to_image, orientation, lack })
}

/// All pixels, by the decoder that shipped numbers were measured with.
fn full(
    decoder: impl ImageDecoder,
    header: &Header,
    whole: &Whole<'_>,
    strictness: Strictness,
    lack: &mut Option<String>,
) -> Result<RgbImage, Fault> {
    let (width, height) = decoder.dimensions();
    if (width as usize, height as usize) != (header.size.width, header.size.height) {
        let Size { width: w, height: h } = header.size;
        return Err(Fault::Broken(format!("one of {width}x{height} pixels whose header says {w}x{h}")));
    }
    let rgb = if decoder.color_type() == ColorType::Rgb8 { 0 } else { 3 };
    let pixels = u64::from(width) * u64::from(height);
    limits::check_memory(decoder.total_bytes().saturating_add(pixels * rgb).saturating_add(whole.extra))?;
    let image = match header.kind {
        Kind::Bmp | Kind::Gif => {
            let (image, missing) = as_far_as_it_goes(decoder, whole.bytes.len())?;
            match missing {
                Some(what) if strictness == Strictness::Data => return Err(Fault::Broken(what)),
                what => *lack = what,
            }
            image
        }
        Kind::Jpeg | Kind::Png => DynamicImage::from_decoder(decoder).map_err(Fault::broken)?,
        Kind::WebP | Kind::Tiff => {
            DynamicImage::from_decoder(decoder).map_err(|e| Fault::Broken(said(&e, whole.bytes.len())))?
        }
    };
    Ok(alpha::over_white(image, whole.is_premultiplied))
}

/// The pixels that were there before the decoder stopped, and why it did.
fn as_far_as_it_goes(decoder: impl ImageDecoder, bytes: usize) -> Result<(DynamicImage, Option<String>), Fault> {
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let mut values = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(0)];
    let missing = decoder.read_image(&mut values).err().map(|e| said(&e, bytes));
    let image = match (color, &missing) {
        (_, Some(what)) if values.iter().all(|&v| v == 0) => return Err(Fault::broken(what)),
        (ColorType::Rgba8, _) => RgbaImage::from_raw(width, height, values).map(DynamicImage::ImageRgba8),
        _ => RgbImage::from_raw(width, height, values).map(DynamicImage::ImageRgb8),
    };
    Ok((image.ok_or_else(|| Fault::broken("one of other colors than its decoder says"))?, missing))
}

/// The decoder's words, or ours where it says that a buffer was not filled.
fn said(error: &ImageError, bytes: usize) -> String {
    match error {
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            format!("one cut short: its {bytes} bytes end before its last pixels")
        }
        other => format!("a damaged or unusual one: {other}"),
    }
}

/// A JPEG at 1/2, 1/4 or 1/8 of its size, each pixel from a part of its block's coefficients: much quicker than all
/// pixels and their means. `None` where this decoder cannot, or may not take the memory that it needs.
fn scaled(bytes: &[u8], header: &Header, by: u32, scans: usize) -> Option<(RgbImage, Affine)> {
    let frame = header.jpeg.as_ref()?;
    let part = |side: usize| u16::try_from(side.div_ceil(by as usize)).ok();
    let (width, height) = (part(header.size.width)?, part(header.size.height)?);
    let small = u64::from(width) * u64::from(height);
    // Planes and colors of the small picture, and RGB.
    limits::check_memory(limits::coefficients(frame, scans).saturating_add(small * 11)).ok()?;
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    if frame.adobe == Some(0) && frame.components.len() == 3 {
        decoder.set_color_transform(ColorTransform::RGB);
    }
    if decoder.scale(width, height).ok()? != (width, height) {
        return None;
    }
    let values = decoder.decode().ok()?;
    let rgb = match decoder.info()?.pixel_format {
        PixelFormat::RGB24 => values,
        PixelFormat::L8 => values.iter().flat_map(|&v| [v; 3]).collect(),
        PixelFormat::CMYK32 => values.chunks_exact(4).flat_map(from_cmyk).collect(),
        PixelFormat::L16 => return None,
    };
    let image = RgbImage::from_raw(u32::from(width), u32::from(height), rgb)?;
    // A pixel covers `by` × `by` of the file's, counted from the first one's edge, also where the last ones are cut.
    let (scale, shift) = (1.0 / f64::from(by), 0.5 / f64::from(by) - 0.5);
    Some((image, Affine::new([scale, 0.0, shift, 0.0, scale, shift]).ok()?))
}

fn from_cmyk(ink: &[u8]) -> [u8; 3] {
    let light = |i: usize| 255 - u32::from(ink[i]);
    [0, 1, 2].map(|i| ((light(i) * light(3) + 127) / 255) as u8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_vision_helpers::Point;
    use proptest::prelude::*;

    /// The first five have no color that ends within a block of two by two: what is between is each decoder's own.
    const JPEGS: [&[u8]; 7] = [
        include_bytes!("../../tests/pictures/baseline_444.jpg"),
        include_bytes!("../../tests/pictures/smooth_420.jpg"),
        include_bytes!("../../tests/pictures/progressive_grey.jpg"),
        include_bytes!("../../tests/pictures/cmyk.jpg"),
        include_bytes!("../../tests/pictures/progressive_cmyk.jpg"),
        include_bytes!("../../tests/pictures/restart_420.jpg"),
        include_bytes!("../../tests/pictures/progressive_420.jpg"),
    ];

    /// Kinds and codings that other decoders than those of JPEG read.
    const OTHERS: [&[u8]; 8] = [
        include_bytes!("../../tests/pictures/lossy.webp"),
        include_bytes!("../../tests/pictures/lossy_alpha.webp"),
        include_bytes!("../../tests/pictures/turned.webp"),
        include_bytes!("../../tests/pictures/animated.webp"),
        include_bytes!("../../tests/pictures/lzw.tif"),
        include_bytes!("../../tests/pictures/deflate.tif"),
        include_bytes!("../../tests/pictures/fax.tif"),
        include_bytes!("../../tests/pictures/turned_grey16.tif"),
    ];

    /// A picture as this program's other encoders write it.
    fn written(format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(53, 37, |x, y| image::Rgb([x as u8 / 4 * 18, y as u8 / 4 * 25, 60]));
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn header(bytes: &[u8]) -> Header {
        header::read(&mut Cursor::new(bytes)).unwrap().unwrap()
    }

    /// The other decoder's small pictures are the means of the usual decoder's pixels, except for some levels of
    /// rounding.
    #[test]
    fn a_scaled_picture_is_the_mean_of_the_whole_one() {
        for (i, bytes) in JPEGS[..5].iter().enumerate() {
            let whole = decode(bytes, Strictness::Data).unwrap().image;
            for by in [2_u32, 4, 8] {
                let (small, map) = scaled(bytes, &header(bytes), by, 1).unwrap();
                assert_eq!(small.dimensions(), (53_u32.div_ceil(by), 37_u32.div_ceil(by)));
                let (mut sum, mut count) = (0.0, 0);
                for y in 0..37 / by {
                    for x in 0..53 / by {
                        let center = map.unapply(Point::new(f64::from(x), f64::from(y)));
                        let start = |v: f64| (v - f64::from(by) / 2.0 + 0.5) as u32;
                        for c in 0..3 {
                            let part = image::imageops::crop_imm(&whole, start(center.x), start(center.y), by, by);
                            let mean = part.to_image().pixels().map(|p| f64::from(p.0[c])).sum::<f64>();
                            let mean = mean / f64::from(by * by);
                            sum += (mean - f64::from(small.get_pixel(x, y).0[c])).abs();
                            count += 1;
                        }
                    }
                }
                let off = sum / f64::from(count);
                // Half a small pixel off would be 2 levels per pixel of the smooth one.
                assert!(off < f64::from(by) / 2.0 + 1.0, "picture {i} by {by}: {off} levels on average");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn altered_bytes_never_panic(
            which in 0..JPEGS.len(),
            changes in proptest::collection::vec((0.0..1.0f64, any::<u8>()), 1..4),
        ) {
            let mut bytes = JPEGS[which].to_vec();
            for (at, value) in changes {
                let at = (at * bytes.len() as f64) as usize;
                bytes[at] = value;
            }
            decode(&bytes, Strictness::Photo).ok();
            let Ok(Ok(header)) = header::read(&mut Cursor::new(&bytes[..])) else { return Ok(()) };
            if header.size.width * header.size.height < 1 << 20 {
                for by in [2, 8] {
                    scaled(&bytes, &header, by, 1);
                }
            }
        }

        /// In the first bytes, where the sizes stand, as often as anywhere.
        #[test]
        fn altered_bytes_of_other_kinds_never_panic(
            which in 0..OTHERS.len() + 4,
            changes in proptest::collection::vec((any::<bool>(), 0.0..1.0f64, any::<u8>()), 1..4),
        ) {
            use image::ImageFormat::{Bmp, Gif, Tiff, WebP};
            let mut bytes = OTHERS.get(which).map(|b| b.to_vec());
            let bytes = bytes.get_or_insert_with(|| written([Bmp, Gif, Tiff, WebP][which - OTHERS.len()]));
            for (early, at, value) in changes {
                let within = if early { bytes.len().min(64) } else { bytes.len() };
                bytes[(at * within as f64) as usize] = value;
            }
            decode(bytes, Strictness::Photo).ok();
            decode(bytes, Strictness::Data).ok();
        }
    }
}

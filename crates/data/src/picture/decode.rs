//! From the bytes of a JPEG or PNG to pixels: checked first, large ones at a part of their size.

use super::{
    fault::Fault,
    header::{self, Header},
    jpeg, limits, png,
};
use candle_vision_helpers::{Affine, Size, warp::shrink};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage, metadata::Orientation};
use jpeg_decoder::{ColorTransform, PixelFormat};
use std::{borrow::Cow, io::Cursor};

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

/// Decodes a JPEG or PNG in memory.
pub(crate) fn decode(bytes: &[u8], strictness: Strictness) -> Result<Decoded, Fault> {
    header::check_magic(bytes)?;
    // A header that cannot be read is named by what follows.
    let header = match header::read(&mut Cursor::new(bytes)) {
        Ok(header) => header?,
        Err(_) => return Err(cut(bytes)),
    };
    limits::check_pixels(header.size)?;
    let (mut bytes, mut lack, mut scans) = (Cow::Borrowed(bytes), None, 1);
    if let Some(frame) = &header.jpeg {
        let walk = jpeg::walk(&bytes, frame)?;
        scans = walk.scans;
        if let Some(found) = walk.lack {
            bytes.to_mut().truncate(found.keep);
            lack = Some(found.what);
        }
        if !walk.ended {
            // Decoders drop rows that they read without an end behind them.
            bytes.to_mut().extend([0xff, 0xd9]);
        }
    } else if let Err(Fault::Broken(what)) = png::check(&bytes) {
        lack = Some(what);
        bytes.to_mut().extend(png::END);
    }
    match lack {
        Some(what) if strictness == Strictness::Data => Err(Fault::Broken(what)),
        lack => pixels(&bytes, &header, scans).map(|decoded| Decoded { lack, ..decoded }),
    }
}

fn cut(bytes: &[u8]) -> Fault {
    Fault::Broken(format!("one cut short: its {} bytes end within its header", bytes.len()))
}

fn pixels(bytes: &[u8], header: &Header, scans: usize) -> Result<Decoded, Fault> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(Fault::Io)?;
    let mut most = image::Limits::no_limits();
    most.max_alloc = Some(limits::max_memory());
    reader.limits(most);
    let mut decoder = reader.into_decoder().map_err(Fault::broken)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let original = header.size;
    let by = limits::shrinking(original);
    let scaled = if by > 1 && header.jpeg.is_some() { scaled(bytes, header, by, scans) } else { None };
    let (image, to_image) = match scaled {
        Some(scaled) => scaled,
        None => {
            let image = full(decoder, header, scans)?;
            if by > 1 { shrink(&image, 1.0 / f64::from(by)) } else { (image, Affine::IDENTITY) }
        }
    };
    Ok(Decoded { image, original, to_image, orientation, lack: None })
}

/// All pixels, by the decoder that shipped numbers were measured with.
fn full(decoder: impl ImageDecoder, header: &Header, scans: usize) -> Result<RgbImage, Fault> {
    let (width, height) = decoder.dimensions();
    if (width as usize, height as usize) != (header.size.width, header.size.height) {
        let Size { width: w, height: h } = header.size;
        return Err(Fault::Broken(format!("one of {width}x{height} pixels whose header says {w}x{h}")));
    }
    let rgb = if decoder.color_type() == image::ColorType::Rgb8 { 0 } else { 3 };
    let coefficients = header.jpeg.as_ref().map_or(0, |frame| limits::coefficients(frame, scans));
    let pixels = u64::from(width) * u64::from(height);
    limits::check_memory(decoder.total_bytes().saturating_add(pixels * rgb).saturating_add(coefficients))?;
    Ok(DynamicImage::from_decoder(decoder).map_err(Fault::broken)?.into_rgb8())
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
    }
}

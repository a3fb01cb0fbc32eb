//! Cuts, shrinks and encodes the pictures of a dataset into a pack.

use super::{HEADER, Index, Item, MAGIC};
use crate::{
    dataset::Dataset,
    datasets::format::DatasetKind,
    error::{Error, Result},
    io::write_with,
    sample::Sample,
    split::Split,
};
use candle_vision_helpers::{Affine, Point, Rect, Size};
use image::{
    RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    imageops,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

/// The part of each picture that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The whole picture.
    Picture,
    /// The square about the face box with its longer side times this, as far as the picture goes. It has to hold the
    /// views with all that augmentation moves: 2 is right for views of 1.25.
    Face(f64),
}

/// The encoding of the stored pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JPEG of this quality, 1 to 100.
    Jpeg(u8),
    /// PNG, without loss.
    Png,
}

/// Settings of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The part of each picture that is kept.
    pub area: Area,
    /// The longer side of that part is shrunk to this many pixels; smaller ones stay as they are.
    pub side: u32,
    /// The encoding of the stored pictures.
    pub encoding: Encoding,
}

impl Default for Options {
    fn default() -> Self {
        Self { area: Area::Face(2.0), side: 256, encoding: Encoding::Jpeg(92) }
    }
}

/// Packs all of `dataset`, which is of `kind`, into a file. `progress` is given the number of faces done and in all.
///
/// # Errors
/// When a picture is broken, an option impossible, or the file cannot be written; no partial file is left.
pub fn write(
    dataset: &dyn Dataset,
    kind: DatasetKind,
    path: &Path,
    options: Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<()> {
    validate(dataset, &options)?;
    write_with(path, |file| fill(dataset, kind, path, file, options, progress))
}

fn validate(dataset: &dyn Dataset, options: &Options) -> Result<()> {
    let fail = |expected: &str, got: String| Err(Error::Invalid(format!("expected {expected}, got {got}")));
    match (options.area, options.encoding) {
        _ if dataset.is_empty() => fail("samples to pack", "none".into()),
        _ if options.side < 8 => fail("a side of 8 pixels or more", options.side.to_string()),
        (Area::Face(enlarge), _) if !(1.0..=16.0).contains(&enlarge) => fail("1 to 16 boxes", enlarge.to_string()),
        (_, Encoding::Jpeg(q)) if !(1..=100).contains(&q) => fail("a JPEG quality of 1 to 100", q.to_string()),
        _ => Ok(()),
    }
}

fn fill(
    dataset: &dyn Dataset,
    kind: DatasetKind,
    path: &Path,
    file: &mut File,
    options: Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<()> {
    let io = |e| Error::io(path, e);
    file.write_all(&[0; HEADER]).map_err(io)?;
    let (mut hash, mut offset, mut items) = (Sha256::new(), HEADER, Vec::with_capacity(dataset.len()));
    let all: Vec<usize> = (0..dataset.len()).collect();
    // In pieces, so that memory holds some pictures, not all.
    for some in all.chunks(64) {
        let encoded: Vec<_> = some.par_iter().map(|&i| encode(dataset.get(i)?, &options)).collect::<Result<_>>()?;
        for (mut item, bytes) in encoded {
            (item.offset, item.length) = (offset, bytes.len());
            offset += bytes.len();
            hash.update(&bytes);
            file.write_all(&bytes).map_err(io)?;
            items.push(item);
        }
        progress(items.len(), dataset.len());
    }
    let splits = Split::ALL.iter().filter_map(|&s| Some((s.name().to_owned(), dataset.split(s).ok()?))).collect();
    let (scheme, describe) = (Arc::clone(dataset.scheme()), dataset.describe());
    let index = Index { kind, scheme, describe, synthetic: dataset.is_synthetic(), options, splits, items };
    let index = serde_json::to_vec(&index).map_err(|e| Error::Invalid(format!("{}: {e}", path.display())))?;
    hash.update(&index);
    file.write_all(&index).map_err(io)?;
    let mut header = MAGIC.to_vec();
    header.extend((offset as u64).to_le_bytes());
    header.extend((index.len() as u64).to_le_bytes());
    header.extend_from_slice(&hash.finalize());
    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&header)).map_err(io)
}

fn encode(sample: Sample, options: &Options) -> Result<(Item, Vec<u8>)> {
    let (picture, to_image) = cut(&sample, options)?;
    let mut bytes = Vec::new();
    let encoded = match options.encoding {
        Encoding::Jpeg(quality) => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)),
        Encoding::Png => picture.write_with_encoder(PngEncoder::new(&mut bytes)),
    };
    encoded.map_err(|e| Error::Picture { path: sample.path.clone(), reason: e.to_string() })?;
    let item = Item {
        id: sample.id,
        subject: sample.subject,
        subset: sample.subset,
        original: sample.original,
        to_image,
        face: sample.face,
        points: sample.points.points().to_vec(),
        visible: sample.points.visible().to_vec(),
        scale: sample.scale,
        offset: 0,
        length: 0,
    };
    Ok((item, bytes))
}

/// The kept part of the picture, and the map from original pixels to its pixels. Cut at whole pixels within the
/// picture, so that its edge is still the edge that views repeat outwards.
fn cut(sample: &Sample, options: &Options) -> Result<(RgbImage, Affine)> {
    let (w, h) = (f64::from(sample.image.width()), f64::from(sample.image.height()));
    let wanted = match options.area {
        Area::Picture => Rect::new(-0.5, -0.5, w, h),
        Area::Face(enlarge) => {
            let square = sample.face.square(enlarge);
            let corner = |dx: f64, dy: f64| {
                sample.to_image.apply(Point::new(square.x + dx * square.width, square.y + dy * square.height))
            };
            let corners = [corner(0.0, 0.0), corner(1.0, 0.0), corner(0.0, 1.0), corner(1.0, 1.0)];
            Rect::around(&corners).unwrap_or(square)
        }
    };
    let clip = |from: f64, extent: f64, limit: f64| {
        ((from + 0.5).floor().clamp(0.0, limit) as u32, (from + extent + 0.5).ceil().clamp(0.0, limit) as u32)
    };
    let ((x0, x1), (y0, y1)) = (clip(wanted.x, wanted.width, w), clip(wanted.y, wanted.height, h));
    let outside =
        || Error::Invalid(format!("{}: expected a face box within the picture, got {:?}", sample.id, sample.face));
    if x1 <= x0 || y1 <= y0 {
        return Err(outside());
    }
    let scale = (f64::from(options.side) / wanted.width.max(wanted.height)).min(1.0);
    let shrunk = |side: u32| (f64::from(side) * scale).round().max(1.0) as u32;
    let (width, height) = (shrunk(x1 - x0), shrunk(y1 - y0));
    let part = imageops::crop_imm(&*sample.image, x0, y0, x1 - x0, y1 - y0).to_image();
    let part = match (width, height) == part.dimensions() {
        true => part,
        false => imageops::resize(&part, width, height, imageops::FilterType::Triangle),
    };
    let rect = Rect::new(f64::from(x0) - 0.5, f64::from(y0) - 0.5, f64::from(x1 - x0), f64::from(y1 - y0));
    let map = Affine::rect_to_size(rect, Size::new(width as usize, height as usize)).map_err(|_| outside())?;
    Ok((part, sample.to_image.then(&map)))
}

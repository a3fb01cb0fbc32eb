//! Finds the faces of any picture: their bounds, five points, and which way up they are.

mod boxes;
mod decode;
mod direction;
mod fit;
mod letterbox;
mod measure;
mod nms;
mod showing;
mod upright;

pub use boxes::{UprightBox, upright_box};
pub use fit::fit_boxes;
pub use measure::{CurvePoint, FinderSummary, FinderTable, SizePart, measure_finder};
pub use showing::showing;

use crate::error::Result;
use candle_core::Device;
use candle_vision_helpers::{Point, Rect, Size, warp::resize};
use direction::Turn;
use facekp_models::{FinderFile, FinderManifest, networks::yunet::YuNet};
use image::RgbImage;
use std::path::Path;

/// A face in a picture, in the picture's pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFace {
    /// Around the face from forehead to chin, upright in the picture however the face lies.
    pub bounds: Rect,
    /// How sure the finder is, `0..=1`.
    pub score: f32,
    /// Eyes, tip of the nose, corners of the mouth; of each pair the one first that is left in an upright picture.
    pub landmarks: [Point; 5],
    /// By how many degrees the face is turned clockwise, -180 to 180.
    pub roll: f64,
    /// Its bounds in a picture that was turned about their middle so that the face stands.
    upright: Rect,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FindConfig {
    /// Side of the smallest face that has to be found, in the picture's pixels; by default a twenty-fifth of its
    /// shorter side. Smaller ones cost more: half the size, four times the time.
    pub smallest: Option<f64>,
    /// Faces with a score above it are reported.
    pub least_score: f64,
}

impl Default for FindConfig {
    fn default() -> Self {
        Self { smallest: None, least_score: 0.5 }
    }
}

/// The smallest face by default, as a part of the picture's shorter side.
const SMALLEST: f64 = 0.04;
/// Pixels of a face that the network needs.
const NEEDED: f64 = 12.4;
/// A place with a lower score is no face whichever way it is turned.
const LEAST_CANDIDATE: f64 = 0.3;
/// How much closer a picture is looked at in which nothing was found.
const CLOSER: f64 = 2.0;
/// A picture is enlarged at most this many times.
const MOST_SCALE: f64 = 2.0;
/// Pixels that the network gets at most: its maps of one such picture take some 50 MB on two threads.
const MOST_PIXELS: f64 = 4e6;

/// The face finder.
#[derive(Debug)]
pub struct Finder {
    net: YuNet,
    manifest: FinderManifest,
    device: Device,
}

impl Finder {
    /// Loads the finder's weights, `face_finder.safetensors`.
    ///
    /// # Errors
    /// As [`FinderFile::read`]; weights that are not the network's.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let file = FinderFile::read(path)?;
        let net = YuNet::new(&file.tensors, device)
            .map_err(|e| facekp_models::Error::Weights { path: path.to_path_buf(), reason: e.to_string() })?;
        Ok(Self { net, manifest: file.manifest, device: device.clone() })
    }

    /// What the weights say of themselves.
    pub fn manifest(&self) -> &FinderManifest {
        &self.manifest
    }

    /// The faces of a picture, the surest first; none is no error.
    ///
    /// Faces are seen whichever way up they are, and told which. Where none is seen, the picture is turned to its other
    /// three sides and looked at again, and all that once more at twice the scale.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn find(&self, picture: &RgbImage, config: &FindConfig) -> Result<Vec<FoundFace>> {
        let size = Size::of(picture);
        let base = base_scale(size, config);
        let closer = (base * CLOSER).min(most_scale(size));
        for scale in if closer > base { vec![base, closer] } else { vec![base] } {
            let small = shrunk(picture, scale);
            for turn in [Turn::None, Turn::Right, Turn::Left, Turn::Half] {
                let faces = self.standing(&small, turn, config)?;
                if !faces.is_empty() {
                    return Ok(faces.iter().map(|face| unscaled(face, scale)).collect());
                }
            }
        }
        Ok(Vec::new())
    }

    /// The faces that [`find`](Self::find) sees at its first look: where there are none, none are looked for in other
    /// ways, which would take many times as long.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn glance(&self, picture: &RgbImage, config: &FindConfig) -> Result<Vec<FoundFace>> {
        let scale = base_scale(Size::of(picture), config);
        let faces = self.standing(&shrunk(picture, scale), Turn::None, config)?;
        Ok(faces.iter().map(|face| unscaled(face, scale)).collect())
    }

    /// The faces of a picture that is looked at in a turn, told which way up they are.
    fn standing(&self, picture: &RgbImage, turn: Turn, config: &FindConfig) -> Result<Vec<FoundFace>> {
        // once they stand, two may turn out to be one
        let mut faces = nms::suppress(self.righted(picture, self.look_at(picture, turn, LEAST_CANDIDATE)?)?);
        faces.retain(|f| f64::from(f.score) > config.least_score);
        Ok(faces)
    }

    /// One look at a picture whose longer side is shrunk to `side` pixels (a smaller one stays), as it lies: the faces
    /// with a score above `least_score`, the surest first.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn look(&self, picture: &RgbImage, side: usize, least_score: f64) -> Result<Vec<FoundFace>> {
        let longer = f64::from(picture.width().max(picture.height()).max(1));
        let scale = (side as f64 / longer).min(1.0);
        let faces = self.look_at(&shrunk(picture, scale), Turn::None, least_score)?;
        Ok(faces.iter().map(|face| unscaled(face, scale)).collect())
    }

    /// The faces that are seen in a picture when it is turned, in its pixels before that.
    fn look_at(&self, picture: &RgbImage, turn: Turn, least_score: f64) -> Result<Vec<FoundFace>> {
        let input = match turn {
            Turn::None => letterbox::framed(picture, &self.device)?,
            turn => letterbox::framed(&turn.picture(picture), &self.device)?,
        };
        let faces = nms::suppress(decode::faces(&self.net.forward(&input)?, 0, least_score)?);
        Ok(faces.iter().map(|face| turn.before(face, Size::of(picture))).collect())
    }
}

/// The scale at which the smallest face wanted is as large as the network needs it.
fn base_scale(size: Size, config: &FindConfig) -> f64 {
    let smallest = config.smallest.unwrap_or(SMALLEST * size.width.min(size.height) as f64);
    (NEEDED / smallest.max(1.0)).min(1.0).min(most_scale(size))
}

fn most_scale(size: Size) -> f64 {
    (MOST_PIXELS / (size.width * size.height).max(1) as f64).sqrt().min(MOST_SCALE)
}

fn shrunk(picture: &RgbImage, scale: f64) -> RgbImage {
    let side = |pixels: u32| (f64::from(pixels) * scale).round_ties_even().max(1.0) as u32;
    resize(picture, side(picture.width()), side(picture.height()))
}

/// A face of a picture that was made `scale` times as large.
fn unscaled(face: &FoundFace, scale: f64) -> FoundFace {
    let place = |v: f64| (v + 0.5) / scale - 0.5;
    let larger = |b: Rect| Rect::new(place(b.x), place(b.y), b.width / scale, b.height / scale);
    FoundFace {
        bounds: larger(face.bounds),
        upright: larger(face.upright),
        landmarks: face.landmarks.map(|p| Point::new(place(p.x), place(p.y))),
        ..*face
    }
}

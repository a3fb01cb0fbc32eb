//! What a network says of a photo that a page sends: the entry that `predict --json` writes, and its maps.

use super::{
    http::Response,
    networks::Networks,
    request::{Failure, Head},
};
use crate::parse::parse_box;
use anyhow::{Context, Result};
use candle_vision_helpers::Rect;
use facekp_data::{PREDICTION_SUFFIX, picture::decode_photo};
use facekp_eval::{FaceResult, Located, PictureResult, Wanted, visualize};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// The longer side of a picture of maps, pixels, as `predict` draws it.
const HEAT: usize = 512;

/// The entry of a photo, and what only a page asks.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    entry: PictureResult,
    /// The network's name.
    weights: &'a str,
    /// What is missing from the photo, where a part of it is.
    lack: Option<String>,
    ms: Times,
}

/// Milliseconds that each part took.
#[derive(Serialize)]
struct Times {
    read: f64,
    find: f64,
    network: f64,
}

/// What a request asks of its photo.
struct Asked<'a> {
    weights: Option<&'a str>,
    face: Option<Rect>,
    name: &'a Path,
}

impl<'a> Asked<'a> {
    fn of(head: &'a Head) -> Result<Self, Failure> {
        let face = head.query("box").map(parse_box).transpose().map_err(|e| Failure::new(400, format!("box: {e}")))?;
        Ok(Self { weights: head.query("weights"), face, name: Path::new(head.query("name").unwrap_or("photo")) })
    }

    fn wanted(&self) -> Wanted {
        Wanted { face: self.face, ..Wanted::default() }
    }
}

/// Points, confidences, boxes and times of every face.
pub(super) fn predict(networks: &Networks, head: &Head, body: &[u8]) -> Result<Response, Failure> {
    let asked = Asked::of(head)?;
    let answer = networks.with(asked.weights, asked.face, |reader| {
        let mut clock = Clock(Instant::now());
        let photo = decode_photo(asked.name, body)?;
        let read = clock.lap();
        let at = || asked.name.display().to_string();
        let places = reader.places(&photo, &asked.wanted()).with_context(at)?;
        let find = clock.lap();
        let photos = std::slice::from_ref(&photo);
        let faces = reader.faces_in(photos, vec![places]).with_context(at)?.pop().unwrap_or_default();
        let ms = Times { read, find, network: clock.lap() };
        let faces = faces.iter().enumerate().map(|(i, face)| result(asked.name, i, face)).collect();
        let entry = PictureResult::found(asked.name, photo.original, photo.orientation, faces);
        Ok(Answer { entry, weights: asked.weights.unwrap_or(networks.default()), lack: photo.lack, ms })
    })?;
    Response::json(&answer)
}

/// A face, with the name that its `.pts` has when `predict` writes it.
fn result(photo: &Path, i: usize, face: &Located) -> FaceResult {
    let mut name = photo.file_stem().unwrap_or(photo.as_os_str()).to_owned();
    name.push(PREDICTION_SUFFIX);
    name.push(if i == 0 { ".pts".to_owned() } else { format!(".{}.pts", i + 1) });
    FaceResult::new(face, &PathBuf::from(name))
}

/// The part of the photo that the network looked at for face `face`, counted from 0, with its maps over it.
pub(super) fn maps(networks: &Networks, head: &Head, body: &[u8]) -> Result<Response, Failure> {
    let asked = Asked::of(head)?;
    let bad = |_| Failure::new(400, "face: expected the number of a face, from 0");
    let nth: usize = head.query("face").map_or(Ok(0), str::parse).map_err(bad)?;
    let png = networks.with(asked.weights, asked.face, |reader| {
        let photo = decode_photo(asked.name, body)?;
        let faces = reader.faces(std::slice::from_ref(&photo), &asked.wanted())?.pop().unwrap_or_default();
        let face = faces.get(nth).with_context(|| format!("face {nth}: expected one of {} faces", faces.len()))?;
        let maps = reader.predictor.photo_heat(&photo.image, &face.place, HEAT)?;
        Ok(visualize::png(&maps.context("maps: expected a network with heatmaps, got direct regression")?)?)
    })?;
    Ok(Response::ok("image/png", png))
}

/// Time that passes between two looks.
struct Clock(Instant);

impl Clock {
    /// Milliseconds since the last look, to a tenth.
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let took = now.duration_since(std::mem::replace(&mut self.0, now)).as_secs_f64();
        (took * 1e4).round() / 10.0
    }
}

//! `facekp bench --only photo`: one picture of 640×480 with one face, from the file's bytes to points.

use super::{middle, milliseconds, round};
use anyhow::{Context, Result};
use candle_core::Device;
use facekp_data::{
    picture::load_photo,
    synthetic::{FaceSet, render},
};
use facekp_eval::{FindConfig, Finder, Flip, PhotoReader, Place, Predictor, Wanted};
use facekp_models::{FINDER, locate};
use image::ImageFormat;
use serde::Serialize;
use std::{sync::Arc, time::Instant};

/// The network that finds the points.
const NETWORK: &str = "face68";
const SIDES: (u32, u32) = (640, 480);

#[derive(Serialize)]
pub(super) struct Line {
    name: &'static str,
    network: &'static str,
    device: String,
    width: u32,
    height: u32,
    faces: usize,
    decode_ms: f64,
    finder_ms: f64,
    /// One forward pass of the network for one face, with the view and the decoding.
    pass_ms: f64,
    /// From the file to points: decoding, the finder, two looks, the last one averaged with its mirror image.
    whole_ms: f64,
    /// What is left of the whole without three passes.
    beside_passes_ms: f64,
    threads: usize,
}

/// Medians over `rounds` after two warm-ups.
pub(super) fn time(rounds: usize, device: &Device, name: String) -> Result<Line> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("photo.jpg");
    let picture = render(FaceSet::Imm, 7, 0).image;
    anyhow::ensure!(picture.dimensions() == SIDES, "expected a rendered picture of {SIDES:?} pixels");
    picture.save_with_format(&file, ImageFormat::Jpeg)?;
    let (predictor, _) = Predictor::load(&locate(NETWORK)?, device)?;
    let finder = Finder::load(&locate(FINDER)?, device)?;
    let reader = PhotoReader { predictor: &predictor, finder: Some(&finder), flip: Flip::Averaged };
    let [mut decode, mut find, mut pass, mut whole] = [(); 4].map(|()| Vec::with_capacity(rounds + 2));
    let mut faces = 0;
    for _ in 0..rounds + 2 {
        let start = Instant::now();
        let photo = load_photo(&file)?;
        decode.push(milliseconds(start));
        let start = Instant::now();
        let found = finder.find(&photo.image, &FindConfig::default())?;
        find.push(milliseconds(start));
        let face = found.first().context("expected a face in the rendered picture, found none")?;
        let place = Place::of(face, predictor.task(), finder.manifest())?;
        let given = Place::given(place.bounds(), photo.original)?;
        let start = Instant::now();
        predictor.locate(&[(Arc::clone(&photo.image), given)], Flip::Off)?;
        pass.push(milliseconds(start));
        let start = Instant::now();
        faces = reader.faces(&[load_photo(&file)?], &Wanted::default())?.iter().map(Vec::len).sum();
        whole.push(milliseconds(start));
    }
    let [decode_ms, finder_ms, pass_ms, whole_ms] = [decode, find, pass, whole].map(|times| middle(&times));
    Ok(Line {
        name: "photo",
        network: NETWORK,
        device: name,
        width: SIDES.0,
        height: SIDES.1,
        faces,
        decode_ms,
        finder_ms,
        pass_ms,
        whole_ms,
        beside_passes_ms: round(whole_ms - 3.0 * pass_ms, 3),
        threads: candle_core::utils::get_num_threads(),
    })
}

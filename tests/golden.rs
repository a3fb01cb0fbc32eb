//! Pictures and plots as they were when somebody last looked at them: `REGENERATE=1 cargo test --test all golden`
//! writes them anew into `tests/golden/`. Rendered faces only.

use candle_vision_helpers::{Point, draw, warp};
use facekp_data::{
    Keypoints,
    synthetic::{FaceSet, render},
};
use facekp_eval::{
    plot::{Axes, Series, lines_png, lines_svg},
    visualize,
};
use image::RgbImage;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Mean difference of all channels. Rounding in other instructions stays far below, one line more lies above.
const MEAN: f64 = 0.3;
/// Pixels that may differ by [`FAR`] or more, as a fraction: an edge that falls on the other side of a pixel's middle.
const STRAY: f64 = 0.002;
const FAR: u8 = 40;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The bytes of a golden file; with `REGENERATE` they are first replaced by `new`.
fn kept(name: &str, new: &[u8]) -> Vec<u8> {
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(golden(name), new).unwrap();
    }
    fs::read(golden(name)).unwrap()
}

/// How two pictures differ beyond the tolerance.
fn difference(a: &RgbImage, b: &RgbImage) -> Option<String> {
    if a.dimensions() != b.dimensions() {
        return Some(format!("{:?} pixels instead of {:?}", a.dimensions(), b.dimensions()));
    }
    let apart: Vec<u8> = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
    let mean = apart.iter().map(|&d| f64::from(d)).sum::<f64>() / apart.len() as f64;
    let stray = apart.chunks(3).filter(|p| p.iter().any(|&d| d >= FAR)).count() as f64 / (apart.len() / 3) as f64;
    (mean > MEAN || stray > STRAY)
        .then(|| format!("mean difference {mean:.3}, {:.3} % of the pixels far off", stray * 100.0))
}

fn is_as_it_was(name: &str, now: &RgbImage) {
    let bytes = visualize::png(now).unwrap();
    let before = image::load_from_memory(&kept(name, &bytes)).unwrap().into_rgb8();
    if let Some(how) = difference(&before, now) {
        let seen = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&seen, bytes).unwrap();
        panic!("{}: {how}; compare {}", golden(name).display(), seen.display());
    }
}

/// A rendered face in the manner of iBUG, shrunk, with its points.
fn face() -> (RgbImage, Keypoints) {
    let rendered = render(FaceSet::Ibug, 7, 3);
    let (w, h) = rendered.image.dimensions();
    let (picture, map) = warp::shrink(&rendered.image, 200.0 / f64::from(w.max(h)));
    let points = Keypoints::new(FaceSet::Ibug.scheme(), rendered.points).unwrap();
    (picture, points.transformed(&map))
}

#[test]
fn a_rendered_face_looks_as_it_did() {
    is_as_it_was("face.png", &face().0);
}

#[test]
fn points_are_drawn_as_they_were() {
    let (mut picture, truth) = face();
    let predicted: Vec<Point> = truth.points().iter().map(|p| Point::new(p.x + 3.0, p.y - 2.0)).collect();
    visualize::overlay(&mut picture, truth.scheme(), Some(&predicted), Some(&truth));
    is_as_it_was("points.png", &picture);
}

#[test]
fn a_plot_looks_as_it_did() {
    let curve = |name: &str, start: f64| Series {
        name: name.into(),
        points: (1..=30).map(|e| (f64::from(e), start * (-f64::from(e) / 8.0).exp() + 0.02)).collect(),
    };
    let axes = Axes { title: "nose: loss".into(), x: "epoch".into(), y: "loss".into(), log_y: true };
    let both = [curve("training", 0.9), curve("validation", 1.2)];
    let svg = lines_svg(&axes, &both).unwrap();
    assert_eq!(svg.as_bytes(), kept("plot.svg", svg.as_bytes()), "{} differs", golden("plot.svg").display());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plot.png");
    lines_png(&axes, &both, &file).unwrap();
    // half the size is enough to see a line move
    let (small, _) = warp::shrink(&image::open(file).unwrap().into_rgb8(), 0.5);
    is_as_it_was("plot.png", &small);
}

#[test]
fn one_line_more_is_a_difference() {
    let (plain, _) = face();
    let mut lined = plain.clone();
    draw::line(&mut lined, Point::new(20.0, 20.0), Point::new(120.0, 30.0), 2.0, [255; 3]);
    assert!(difference(&plain, &lined).is_some() && difference(&plain, &plain).is_none());
}

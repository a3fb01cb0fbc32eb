//! Small pictures with points, written in the real formats.

use candle_vision_helpers::{Point, Size};
use facekp_data::{
    Dataset, check,
    formats::{asf, pts},
};
use std::{fs, path::Path};

pub(crate) const SIZE: Size = Size::new(64, 48);

/// A picture whose red and green tell every place.
pub(crate) fn picture(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let shade = |x: u32, y: u32| image::Rgb([(x * 4) as u8, (y * 5) as u8, 90]);
    image::RgbImage::from_fn(64, 48, shade).save(path).unwrap();
}

/// `count` points that span the picture's middle, in columns of three pixels; the first eight are in the top row.
pub(crate) fn points(count: usize) -> Vec<Point> {
    (0..count).map(|i| Point::new(20.0 + (i % 8) as f64 * 3.0, 10.0 + (i / 8) as f64 * 3.0)).collect()
}

pub(crate) fn imm_face(dir: &Path, id: &str) {
    picture(&dir.join(format!("{id}.jpg")));
    asf::write(&dir.join(format!("{id}.asf")), &format!("{id}.jpg"), SIZE, &points(58)).unwrap();
}

pub(crate) fn pts_face(dir: &Path, id: &str) {
    picture(&dir.join(format!("{id}.jpg")));
    pts::write(&dir.join(format!("{id}.pts")), &points(68)).unwrap();
}

pub(crate) fn ids(data: &dyn Dataset) -> Vec<String> {
    (0..data.len()).map(|i| data.annotation(i).unwrap().id).collect()
}

/// A fact of a check that finds nothing broken.
pub(crate) fn fact(dir: &Path, name: &str) -> Option<String> {
    let report = check(dir).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    report.facts.into_iter().find(|f| f.0 == name).map(|f| f.1)
}

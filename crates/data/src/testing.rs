//! Samples and a dataset in memory, for the tests of this crate.

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    keypoints::Keypoints,
    sample::{Sample, Scale},
    scheme::Scheme,
    split::Split,
};
use candle_vision_helpers::{Affine, Point, Rect, Size, draw};
use image::{Rgb, RgbImage};
use std::{
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Two points that a mirror swaps, and one in the middle.
pub(crate) static PAIR: LazyLock<Arc<Scheme>> =
    LazyLock::new(|| scheme("name = 'pair'\npoints = 3\nmirror = [[0, 1]]"));

/// A scheme from its TOML.
pub(crate) fn scheme(text: &str) -> Arc<Scheme> {
    Arc::new(Scheme::from_toml(Path::new("test.toml"), text).unwrap())
}

/// A sample of `image` whose points are `points`.
pub(crate) fn sample(image: RgbImage, face: Rect, points: [Point; 3]) -> Sample {
    Sample {
        id: "one".into(),
        path: "one.png".into(),
        subject: None,
        subset: None,
        original: Size::of(&image),
        image: Arc::new(image),
        to_image: Affine::IDENTITY,
        face,
        points: Keypoints::new(&PAIR, points.to_vec()).unwrap(),
        scale: Scale::default(),
    }
}

/// A red, a green and a blue disc of `radius` on black, at the three points.
pub(crate) fn discs(size: Size, radius: f64, points: [Point; 3]) -> RgbImage {
    let mut picture = RgbImage::new(size.width as u32, size.height as u32);
    for (point, color) in points.into_iter().zip([[255, 0, 0], [0, 255, 0], [0, 0, 255]]) {
        draw::disc(&mut picture, point, radius, color);
    }
    picture
}

/// A picture that tells every place from every other: red grows to the right, green downwards.
pub(crate) fn ramps(size: Size) -> RgbImage {
    let at = |i: u32, side: usize| (f64::from(i) * 255.0 / side as f64).round() as u8;
    RgbImage::from_fn(size.width as u32, size.height as u32, |x, y| Rgb([at(x, size.width), at(y, size.height), 90]))
}

/// Small pictures that differ by index.
pub(crate) struct Memory {
    pub len: usize,
    /// This one cannot be read.
    pub broken: Option<usize>,
    /// This one panics.
    pub panics: Option<usize>,
    /// How often a sample was read.
    pub reads: AtomicUsize,
}

impl Memory {
    pub(crate) fn new(len: usize) -> Self {
        Self { len, broken: None, panics: None, reads: AtomicUsize::new(0) }
    }
}

impl Dataset for Memory {
    fn scheme(&self) -> &Arc<Scheme> {
        &PAIR
    }

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, i: usize) -> Result<Sample> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        assert!(self.panics != Some(i), "sample {i} is cursed");
        if self.broken == Some(i) {
            return Err(Error::Picture { path: format!("{i}.png").into(), reason: "it ends early".into() });
        }
        let shift = i as f64;
        let points = [Point::new(20.0 + shift, 30.0), Point::new(60.0 + shift, 32.0), Point::new(41.0, 50.0 + shift)];
        let size = Size::new(100, 80);
        let face = Rect::around(&points).ok_or_else(|| Error::Invalid("no points".into()))?;
        let mut sample = sample(discs(size, 4.0, points), face, points);
        sample.id = format!("sample {i}");
        if i.is_multiple_of(3) {
            sample.points.hide(2);
        }
        Ok(sample)
    }

    fn split(&self, _: Split) -> Result<Vec<usize>> {
        Ok((0..self.len).collect())
    }

    fn describe(&self) -> String {
        format!("{} pictures in memory", self.len)
    }
}

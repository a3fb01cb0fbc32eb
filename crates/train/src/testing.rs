//! Rendered samples for tests: one bright disc a picture, whose centre is the point.

use crate::{
    data::{Data, Faces},
    recipe::Recipe,
};
use candle_vision_helpers::{Affine, Point, Rect, Size};
use facekp_data::{Dataset, Keypoints, Result, Sample, Scale, Scheme, Split, scheme::NOSE_1};
use image::{Rgb, RgbImage};
use std::{path::PathBuf, sync::Arc};

/// Pictures of 32 x 24 pixels.
pub(crate) struct Discs(pub usize);

impl Dataset for Discs {
    fn scheme(&self) -> &Arc<Scheme> {
        &NOSE_1
    }
    fn len(&self) -> usize {
        self.0
    }
    fn get(&self, i: usize) -> Result<Sample> {
        let center = Point::new(6.0 + (i * 7 % 20) as f64, 5.0 + (i * 5 % 14) as f64);
        let near = |x: u32, y: u32| Point::new(f64::from(x), f64::from(y)).distance(center) < 3.5;
        let image = RgbImage::from_fn(32, 24, |x, y| Rgb(if near(x, y) { [230; 3] } else { [40; 3] }));
        Ok(Sample {
            id: format!("disc-{i}"),
            path: PathBuf::new(),
            subject: None,
            subset: None,
            image: Arc::new(image),
            to_image: Affine::IDENTITY,
            original: Size::new(32, 24),
            face: Rect::new(0.0, 0.0, 32.0, 24.0),
            points: Keypoints::new(&NOSE_1, vec![center]).ok_or_else(|| facekp_data::Error::Invalid("disc".into()))?,
            scale: Scale::default(),
        })
    }
    fn split(&self, _: Split) -> Result<Vec<usize>> {
        Ok((0..self.0).collect())
    }
    fn describe(&self) -> String {
        format!("{} discs", self.0)
    }
}

/// `samples` discs to train on and four to validate on.
pub(crate) fn discs(samples: usize) -> Data {
    let data: Arc<dyn Dataset> = Arc::new(Discs(samples + 4));
    let faces =
        |indices: std::ops::Range<usize>| Faces { dataset: Arc::clone(&data), indices: indices.collect(), source: 0 };
    Data { train: vec![faces(0..samples)], val: faces(samples..samples + 4) }
}

/// A recipe that takes a moment; `changes` are overrides.
pub(crate) fn recipe(changes: &[&str]) -> crate::Result<Recipe> {
    let text = r#"
name = "discs"
[data]
train = [{ path = "discs", split = "train" }]
val = { path = "discs", split = "val" }
[task]
scheme = "nose1"
view = { width = 16, height = 12, grey = true, crop = { kind = "picture" }, mean = [0.3], std = [0.3] }
codec = { kind = "regression" }
model = { kind = "plain", channels = [4], kernels = [3], hidden = 16 }
[train]
epochs = 4
batch = 4
seed = 5
ema = 0.9
[train.loss]
kind = "smooth_l1"
beta = 0.05
[train.optimizer]
kind = "adamw"
weight_decay = 0.01
[train.schedule]
kind = "one_cycle"
lr = 5e-3
rise = 0.3
[train.augment]
shift = 0.1
brightness = 0.1
"#;
    let changes: Vec<String> = changes.iter().map(|&c| c.to_owned()).collect();
    Recipe::parse("discs.toml", text, &changes)
}

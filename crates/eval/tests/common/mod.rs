//! A dataset without files, and run folders of untrained networks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use candle_core::{DType, Device};
use candle_vision_helpers::{Affine, Point, Rect, Size, draw, heatmap::Decode};
use facekp_data::picture::load_photo;
use facekp_data::{Crop, Dataset, Frame, Keypoints, Sample, Scale, Scheme, Split, ViewSpec, scheme};
use facekp_eval::Finder;
use facekp_models::{
    CodecConfig, Manifest, ModelConfig, Params, Task,
    codec::heatmap::{Config as HeatmapConfig, Target},
    networks::{heatmap_net, plain, trunk::Family},
    weights,
};
use image::{Rgb, RgbImage};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// White discs on dark ground, `len` of them, each with the points of `scheme` spread over its outline.
pub(crate) struct Discs {
    pub scheme: Arc<Scheme>,
    pub len: usize,
}

impl Discs {
    pub(crate) fn size() -> Size {
        Size::new(200, 150)
    }

    /// Centre and radius of disc `i`.
    pub(crate) fn disc(i: usize) -> (Point, f64) {
        let i = i as f64;
        (Point::new(70.0 + 9.0 * (i % 7.0), 60.0 + 5.0 * (i % 6.0)), 24.0 + 2.0 * (i % 5.0))
    }

    pub(crate) fn picture(i: usize) -> RgbImage {
        let (center, radius) = Self::disc(i);
        let mut picture = RgbImage::from_pixel(Self::size().width as u32, Self::size().height as u32, Rgb([0; 3]));
        draw::disc(&mut picture, center, radius, [255; 3]);
        picture
    }

    /// One point: the center; many: around the outline.
    pub(crate) fn points(scheme: &Scheme, center: Point, radius: f64) -> Vec<Point> {
        if scheme.len() == 1 {
            return vec![center];
        }
        let turn = |k: usize| (k as f64 * std::f64::consts::TAU / scheme.len() as f64).sin_cos();
        (0..scheme.len()).map(turn).map(|(s, c)| Point::new(center.x + radius * c, center.y + radius * s)).collect()
    }
}

impl Dataset for Discs {
    fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }
    fn len(&self) -> usize {
        self.len
    }
    fn get(&self, i: usize) -> facekp_data::Result<Sample> {
        let (center, radius) = Self::disc(i);
        let points = Self::points(&self.scheme, center, radius);
        Ok(Sample {
            id: format!("disc/{i} <&>"),
            path: format!("disc{i}.png").into(),
            subject: None,
            subset: Some(if i.is_multiple_of(2) { "even" } else { "odd" }.into()),
            image: Arc::new(Self::picture(i)),
            to_image: Affine::IDENTITY,
            original: Self::size(),
            face: Rect::new(center.x - radius, center.y - radius, 2.0 * radius, 2.0 * radius),
            points: Keypoints::new(&self.scheme, points).unwrap(),
            scale: Scale { normalizer: Some(radius), normalizer_pupil: None },
        })
    }
    fn split(&self, split: Split) -> facekp_data::Result<Vec<usize>> {
        let half = self.len / 2;
        match split {
            Split::Train => Ok((0..half).collect()),
            Split::Val => Ok((half..self.len).collect()),
            other => Err(facekp_data::Error::Invalid(format!("discs have no split {}", other.name()))),
        }
    }
    fn frame(&self) -> Frame {
        // one point has a box without an area
        if self.scheme.len() == 1 { Frame::Picture } else { Frame::Box }
    }
    fn describe(&self) -> String {
        "white discs".into()
    }
    fn is_synthetic(&self) -> bool {
        true
    }
}

/// A small network for the nose tip, looking at the whole picture.
pub(crate) fn nose() -> Task {
    Task {
        scheme: scheme_named("nose1"),
        view: ViewSpec { width: 80, height: 60, grey: true, crop: Crop::Picture, mean: vec![0.5], std: vec![0.25] },
        codec: CodecConfig::Regression,
        model: ModelConfig::Plain(plain::Config { channels: vec![20; 3], kernels: vec![7, 5, 3], hidden: 128 }),
        found_box: None,
    }
}

/// A small heatmap network for 68 points, looking at the face.
pub(crate) fn heatmaps(target: Target) -> Task {
    Task {
        scheme: scheme_named("ibug68"),
        view: ViewSpec {
            width: 64,
            height: 64,
            grey: false,
            crop: Crop::Face { enlarge: 1.25 },
            mean: vec![0.5; 3],
            std: vec![0.25; 3],
        },
        codec: CodecConfig::Heatmap(HeatmapConfig { stride: 4, sigma: 1.2, target, decode: Decode::SoftArgmax }),
        model: ModelConfig::HeatmapNet(heatmap_net::Config {
            trunk: Family::Resnet,
            depth: Some(18),
            up: vec![16; 3],
            skips: false,
        }),
        found_box: None,
    }
}

/// A run folder as training leaves it, with random weights.
pub(crate) fn write_run(run: &Path, name: &str, task: Task) {
    std::fs::create_dir_all(run).unwrap();
    let params = Params::new(7, &Device::Cpu);
    task.build(&params).unwrap();
    let tensors: Vec<_> = params.all().into_iter().map(|(n, v)| (n, v.as_tensor().clone())).collect();
    let recipe = format!(
        "name = \"{name}\"\n\n[train]\nepochs = 4\nflip_test = true\n\n[train.augment]\nrotation = 20.0\nshift = 0.08\nflip = 0.5\n"
    );
    let manifest = Manifest {
        name: name.into(),
        task,
        recipe: recipe.clone(),
        epoch: 3,
        metrics: BTreeMap::new(),
        data: "nothing: random weights".into(),
        origin: None,
        calibration: None,
    };
    weights::save(&run.join("best.safetensors"), &tensors, &manifest, DType::F32).unwrap();
    std::fs::write(run.join("recipe.toml"), recipe).unwrap();
    let mut history = String::from("epoch,train_loss,val_loss,val_nme,val_px,lr,seconds\n");
    for e in 1..=40 {
        let t = f64::from(e);
        let (train, val) = ((-t / 12.0).exp() + 0.02, (-t / 10.0).exp() + 0.035 + 0.004 * (t * 1.7).sin());
        history += &format!("{e},{train},{val},NaN,{},0.001,1.5\n", 60.0 * val + 5.0);
    }
    std::fs::write(run.join("history.csv"), history).unwrap();
}

/// The scheme called `name`.
pub(crate) fn scheme_named(name: &str) -> Arc<Scheme> {
    scheme::by_name(name).unwrap()
}

/// The folder of the real data; says so where there is none.
pub(crate) fn data() -> Option<PathBuf> {
    let dir = std::env::var_os("FACEKP_DATA").map(PathBuf::from);
    if dir.is_none() {
        eprintln!("skipped: FACEKP_DATA names no folder with real data");
    }
    dir
}

/// A file of these tests.
pub(crate) fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

pub(crate) fn finder() -> Finder {
    Finder::load(&facekp_models::locate(facekp_models::FINDER).unwrap(), &Device::Cpu).unwrap()
}

/// A photo in the public domain: one face.
pub(crate) fn portrait() -> RgbImage {
    load_photo(&here("pictures/astronaut.jpg")).unwrap().image.as_ref().clone()
}

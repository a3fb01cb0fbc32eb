//! Predictions come back to original pixels, whatever the view: a "network" that finds the bright blob shows it.

use crate::common::{self, Discs};
use candle_core::{Device, Tensor};
use candle_vision_helpers::{Point, Rect, Size, draw};
use facekp_data::{Augment, Crop};
use facekp_eval::{CalibrationViews, FaceError, Flip, Place, Predictor};
use facekp_models::onnx::{Graph, Value};
use facekp_models::{Calibration, Codec, KeypointModel, Params, Pass, Task, codec::heatmap::Target};
use image::{Rgb, RgbImage};
use std::sync::Arc;

/// Says where a bright disc lies in a view, by its mean and its spread (for a disc half the radius each way).
struct BlobFinder {
    codec: Box<dyn Codec>,
    task: Task,
}

impl KeypointModel for BlobFinder {
    fn forward(&self, images: &Tensor, _pass: Pass) -> facekp_models::Result<Tensor> {
        let (b, _, h, w) = images.dims4()?;
        let bright = ((images.mean(1)? * f64::from(self.task.view.std[0]))? + f64::from(self.task.view.mean[0]))?
            .to_vec3::<f32>()?;
        let mut all = Vec::new();
        for picture in bright {
            let (mut n, mut x, mut y, mut yy) = (1e-9, 0.0, 0.0, 0.0);
            for (i, j) in (0..h).flat_map(|i| (0..w).map(move |j| (i, j))) {
                let v = f64::from(picture[i][j]);
                (n, x, y, yy) = (n + v, x + v * j as f64, y + v * i as f64, yy + v * (i * i) as f64);
            }
            let center = Point::new(x / n, y / n);
            let radius = 2.0 * (yy / n - center.y * center.y).max(0.0).sqrt();
            for p in Discs::points(&self.task.scheme, center, radius) {
                all.extend([p.x as f32, p.y as f32]);
            }
        }
        let points = Tensor::from_vec(all, (b, self.task.scheme.len(), 2), images.device())?;
        self.codec.encode(&points)
    }
    fn first_filters(&self) -> Tensor {
        unreachable!("not looked at")
    }
    fn feature_maps(&self, _: &Tensor) -> facekp_models::Result<Vec<(String, Tensor)>> {
        Ok(Vec::new())
    }
    fn onnx(&self, _: &mut Graph, _: &Value) -> facekp_models::Result<Value> {
        unreachable!("not written")
    }
}

fn finder(scheme: &str, crop: Crop) -> Predictor {
    let mut task = common::nose();
    task.scheme = common::scheme_named(scheme);
    task.view.crop = crop;
    (task.view.width, task.view.height) = (96, 96);
    let model = BlobFinder { codec: task.codec().unwrap(), task: task.clone() };
    Predictor::new(task, Box::new(model), &Device::Cpu).unwrap()
}

#[test]
fn points_return_to_original_pixels() {
    for crop in [Crop::Picture, Crop::Face { enlarge: 1.5 }] {
        let data = Arc::new(Discs { scheme: common::scheme_named("nose1"), len: 21 });
        let predictor = finder("nose1", crop);
        for flip in [Flip::Off, Flip::Averaged] {
            let found = predictor.predict_dataset(data.clone(), &[20, 3, 4], flip).unwrap();
            assert_eq!(found.iter().map(|p| p.index).collect::<Vec<_>>(), [20, 3, 4]);
            for p in &found {
                let e = FaceError::of(p).unwrap();
                assert!(e.mean_px < 0.3, "{crop:?} flip {flip:?}: {} is off by {} px", p.id, e.mean_px);
                assert_eq!(p.confidence, None, "direct regression has no confidence");
            }
        }
    }
}

#[test]
fn a_mirrored_view_gives_its_points_their_own_names_back() {
    // The finder names points around the circle from the right, clockwise; the mirror of the scheme does not keep such
    // names, so the average with the mirrored view is only right where names are swapped and positions mirrored back.
    let predictor = finder("ibug68", Crop::Face { enlarge: 1.5 });
    let scheme = common::scheme_named("ibug68");
    let data = Arc::new(Discs { scheme: Arc::clone(&scheme), len: 4 });
    let plain = predictor.predict_dataset(data.clone(), &[1], Flip::Off).unwrap().remove(0);
    let both = predictor.predict_dataset(data.clone(), &[1], Flip::Averaged).unwrap().remove(0);
    let (center, _) = Discs::disc(1);
    for i in 0..scheme.len() {
        let (own, pair) = (plain.points[i], plain.points[scheme.mirror().unwrap()[i]]);
        let mirrored = Point::new(2.0 * center.x - pair.x, pair.y);
        let expected = Point::new((own.x + mirrored.x) / 2.0, (own.y + mirrored.y) / 2.0);
        assert!(both.points[i].distance(expected) < 0.3, "point {i}: {:?}, expected {expected:?}", both.points[i]);
    }
}

#[test]
fn data_of_another_scheme_is_refused() {
    let data = Arc::new(Discs { scheme: common::scheme_named("nose1"), len: 2 });
    let e = finder("ibug68", Crop::Picture).predict_dataset(data, &[0], Flip::Off).unwrap_err().to_string();
    assert_eq!(e, "white discs: expected data with ibug68 points, got nose1");
}

fn photo(center: Point, radius: f64) -> Arc<RgbImage> {
    let mut picture = RgbImage::from_pixel(640, 480, Rgb([0; 3]));
    draw::disc(&mut picture, center, radius, [255; 3]);
    Arc::new(picture)
}

#[test]
fn a_given_box_is_looked_at() {
    let (center, radius) = (Point::new(420.0, 150.0), 60.0);
    let given = Rect::new(340.0, 80.0, 160.0, 150.0);
    let photo = photo(center, radius);
    for crop in [Crop::Picture, Crop::Face { enlarge: 1.25 }] {
        let place = Place::given(given, Size::of(&photo)).unwrap();
        let found = finder("nose1", crop).locate(&[(Arc::clone(&photo), place)], Flip::Averaged).unwrap().remove(0);
        assert_eq!((found.face, found.confidence, found.score, found.agreement), (given, None, None, None));
        assert!(found.points[0].distance(center) < 1.0, "{crop:?}: {:?}", found.points[0]);
        assert!(Place::given(Rect::new(900.0, 0.0, 5.0, 5.0), Size::of(&photo)).is_err());
    }
}

#[test]
fn expected_errors_come_back_in_original_pixels() {
    let task = common::heatmaps(Target::Softmax);
    let params = Params::new(7, &Device::Cpu);
    let model = task.build(&params).unwrap();
    // as far off as the map is wide
    let pairs: Vec<(f64, f64)> = (1..=100).map(|i| (f64::from(i), f64::from(i))).collect();
    let same = Calibration::fit(&pairs, "nothing".into()).unwrap();
    let predictor = Predictor::new(task, model, &Device::Cpu).unwrap();
    let data = Arc::new(Discs { scheme: common::scheme_named("ibug68"), len: 4 });
    assert_eq!(predictor.predict_dataset(data.clone(), &[3], Flip::Averaged).unwrap()[0].sigma, None);
    let predictor = predictor.with_calibration(Some(same));
    let batch = predictor.views(data.as_ref(), &[3]).unwrap();
    let output = predictor.forward(&batch, Pass::Inference).unwrap();
    let spread = predictor.codec().decode_with_spread(&output).unwrap().spread.unwrap().to_vec2::<f32>().unwrap();
    let scale = batch.items[0].to_view.scale();
    let found = predictor.predict_dataset(data, &[3], Flip::Off).unwrap();
    let sigma = found[0].sigma.as_ref().unwrap();
    assert_eq!(sigma.len(), 68);
    for (sigma, spread) in sigma.iter().zip(&spread[0]) {
        assert!((sigma * scale - f64::from(*spread)).abs() < 1e-3, "{sigma} {spread}");
    }
}

#[test]
fn changed_views_are_measured_as_often_as_asked_without_what_they_lost() {
    let task = common::heatmaps(Target::Softmax);
    let model = task.build(&Params::new(7, &Device::Cpu)).unwrap();
    let predictor = Predictor::new(task, model, &Device::Cpu).unwrap();
    let data = Arc::new(Discs { scheme: common::scheme_named("ibug68"), len: 4 });
    let measured = |views: &CalibrationViews| {
        let found = predictor.calibrate(data.clone(), &[0, 1, 2, 3], Flip::Off, views).unwrap();
        let points = serde_json::to_value(&found).unwrap()["points"].as_u64().unwrap();
        (found, points)
    };
    let changed = |augment: Augment| measured(&CalibrationViews::Changed { augment, times: 3 });
    let (plain, points) = measured(&CalibrationViews::Plain);
    assert_eq!((plain.data(), points), ("white discs, 4 of it", 4 * 68));
    // a mirror loses no point, a shift by up to a quarter of the view some
    let (mirrored, points) = changed(Augment { flip: 0.5, ..Augment::default() });
    assert_eq!((mirrored.data(), points), ("white discs, 4 of it, each in 3 changed views", 3 * 4 * 68));
    let shift = Augment { shift: 0.25, ..Augment::default() };
    let (shifted, points) = changed(shift.clone());
    assert!(points < 3 * 4 * 68 && points > 4 * 68, "{points}");
    assert_eq!((shifted, points), changed(shift));
}

//! Whole networks: pictures of bytes go in, and the points that come out are those of the network and its codec.

use super::{Session, bytes, floats, near, pixels};
use crate::common::{face58, fill, flat, maps, mobile_maps, mobile_regression, noise, nose, resnet};
use candle_core::{Device, Tensor};
use candle_vision_helpers::heatmap::Decode;
use facekp_data::ViewSpec;
use facekp_models::codec::heatmap::Target;
use facekp_models::export::{OnnxOptions, PixelType, network_to_onnx};
use facekp_models::networks::regressor::{Pooling, Resnet};
use facekp_models::{
    Calibration, CodecConfig, KeypointModel, Manifest, ModelConfig, Params, Pass, Task, WeightsFile, locate,
};

const PLAIN: OnnxOptions = OnnxOptions { input: PixelType::U8, flip: false, license: None };

fn manifest(task: &Task) -> Manifest {
    let (name, recipe, data) = ("small".to_owned(), String::new(), "noise".to_owned());
    Manifest { name, task: task.clone(), recipe, epoch: 1, metrics: [].into(), data, origin: None, calibration: None }
}

/// A network with pseudo-random weights, those of normalization included.
fn built(task: &Task) -> Box<dyn KeypointModel> {
    let params = Params::zeros(&Device::Cpu);
    let model = task.build(&params).unwrap();
    fill(&params);
    let residual = params.all().iter().any(|(name, _)| name.contains("layer1"));
    for (name, var) in params.all() {
        let (spread, least) = match name.rsplit('.').next() {
            Some("running_mean") => (0.5, 0.0),
            Some("running_var") => (1.0, 1.0),
            // or the sums of many residual blocks grow beyond what a difference of 0.01 px is seen in
            Some("weight") if residual && var.rank() == 1 => (0.2, 0.6),
            _ => continue,
        };
        let values = noise(&name, var.elem_count()).into_iter().map(|v| (v * spread + least) as f32).collect();
        assert!(params.set(&name, &Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap());
    }
    model
}

/// Views `(B, C, H, W)` of pixels, normalized as `Batch` does.
fn views(pixels: &[u8], view: &ViewSpec) -> Tensor {
    let plane = view.width * view.height;
    let mut values = Vec::new();
    for picture in pixels.chunks_exact(3 * plane) {
        for (channel, (mean, std)) in view.mean.iter().zip(&view.std).enumerate() {
            values.extend(picture.as_chunks::<3>().0.iter().map(|rgb| {
                let [r, g, b] = rgb.map(f32::from);
                let v = if view.grey { 0.299 * r + 0.587 * g + 0.114 * b } else { [r, g, b][channel] };
                (v / 255.0 - mean) / std
            }));
        }
    }
    let batch = values.len() / view.channels() / plane;
    Tensor::from_vec(values, (batch, view.channels(), view.height, view.width), &Device::Cpu).unwrap()
}

/// Points, and confidences or none, of pictures.
type Seen = (Vec<f32>, Option<Vec<f32>>);

fn seen(task: &Task, model: &dyn KeypointModel, images: &Tensor) -> Seen {
    let (points, sure) = task.codec().unwrap().decode(&model.forward(images, Pass::Inference).unwrap()).unwrap();
    (flat(&points), sure.map(|sure| flat(&sure)))
}

fn same(what: &str, session: &Session, input: rten::Value, (points, sure): &Seen) {
    let got = match sure {
        None => {
            assert_eq!(session.outputs(), ["points"], "{what}");
            session.run(input, ["points"]).map(|v| v.into_shape_vec::<f32, 3>().unwrap().1)[0].clone()
        }
        Some(sure) => {
            let [points, confidence] = session.run(input, ["points", "confidence"]);
            near(&format!("{what}, confidence"), &confidence.into_shape_vec::<f32, 2>().unwrap().1, sure, 1e-4);
            points.into_shape_vec::<f32, 3>().unwrap().1
        }
    };
    near(&format!("{what}, points"), &got, points, 0.01);
}

fn exported_is_the_same(what: &str, task: &Task, model: &dyn KeypointModel) {
    let (width, height) = (task.view.width, task.view.height);
    let file = network_to_onnx(&manifest(task), model, &PLAIN).unwrap();
    let count = task.scheme.len();
    let start = format!("image (B, {height}, {width}, 3) u8 -> points (B, {count}, 2)");
    assert!(file.signature.starts_with(&start), "{}", file.signature);
    let session = Session::new(file.bytes);
    for batch in [1, 3] {
        let pixels = pixels((batch, height, width));
        let want = seen(task, model, &views(&pixels, &task.view));
        same(&format!("{what}, {batch}"), &session, bytes(&[batch, height, width, 3], pixels), &want);
    }
}

#[test]
fn every_kind_of_network_exports_what_it_computes() {
    let mut flat = resnet(18, "imm58", 64);
    flat.model = ModelConfig::Resnet(Resnet { depth: 18, pooling: Pooling::Flatten });
    let mut wide = resnet(50, "nose1", 64);
    wide.view.width = 80;
    for (what, task) in [
        ("nose", nose()),
        ("face58", face58()),
        ("average", wide),
        ("flatten", flat),
        ("mobile", mobile_regression("imm58", 64)),
        ("maps", maps(18, "imm58", (64, 96), &[16, 12, 8], true)),
        ("maps without skips", maps(18, "nose1", (96, 64), &[8; 2], false)),
        ("mobile maps", mobile_maps("ibug68", (64, 64), &[16; 3])),
    ] {
        exported_is_the_same(what, &task, built(&task).as_ref());
    }
}

#[test]
fn networks_made_for_inference_export_the_same() {
    let task = mobile_maps("nose1", (64, 64), &[8; 2]);
    let model = built(&task);
    let file = |model: &dyn KeypointModel| network_to_onnx(&manifest(&task), model, &PLAIN).unwrap().bytes;
    assert!(file(model.as_ref()) == file(model.for_inference().unwrap().unwrap().as_ref()));
}

#[test]
fn shipped_networks_export_what_they_compute() {
    for name in ["nose", "face68"] {
        let path = locate(name).unwrap();
        let file = WeightsFile::read(&path).unwrap();
        let (_, model) = file.build(&path, &Device::Cpu).unwrap();
        exported_is_the_same(name, &file.manifest.task, model.for_inference().unwrap().unwrap().as_ref());
    }
}

#[test]
fn pictures_of_floats_are_taken_where_asked_for() {
    let task = nose();
    let model = built(&task);
    let options = OnnxOptions { input: PixelType::F32, ..PLAIN };
    let session = Session::new(network_to_onnx(&manifest(&task), model.as_ref(), &options).unwrap().bytes);
    let pixels = pixels((2, 60, 80));
    let want = seen(&task, model.as_ref(), &views(&pixels, &task.view));
    same("floats", &session, floats(&[2, 60, 80, 3], pixels.into_iter().map(f32::from).collect()), &want);
}

#[test]
fn a_flip_averages_with_the_mirrored_picture() {
    for task in [mobile_maps("ibug68", (64, 64), &[16; 2]), face58()] {
        let (model, (width, height)) = (built(&task), (task.view.width, task.view.height));
        let options = OnnxOptions { flip: true, ..PLAIN };
        let session = Session::new(network_to_onnx(&manifest(&task), model.as_ref(), &options).unwrap().bytes);
        let pixels = pixels((2, height, width));
        let images = views(&pixels, &task.view);
        let (plain, sure) = seen(&task, model.as_ref(), &images);
        let (other, unsure) = seen(&task, model.as_ref(), &images.flip(&[3]).unwrap());
        // point i of a face is point partners[i] of its mirror image, at W - 1 - x
        let (partners, count) = (task.scheme.mirror().unwrap(), task.scheme.len());
        let place = |i: usize| i / count * count + partners[i % count];
        let mean = |i: usize| {
            let (a, b) = (&plain[2 * i..2 * i + 2], &other[2 * place(i)..2 * place(i) + 2]);
            [(a[0] + width as f32 - 1.0 - b[0]) / 2.0, (a[1] + b[1]) / 2.0]
        };
        let points: Vec<f32> = (0..2 * count).flat_map(mean).collect();
        let sure = sure.zip(unsure).map(|(a, b)| (0..2 * count).map(|i| (a[i] + b[place(i)]) / 2.0).collect());
        assert!(points.iter().zip(&plain).any(|(a, b)| (a - b).abs() > 0.1), "the flip changes something");
        same(task.scheme.name(), &session, bytes(&[2, height, width, 3], pixels), &(points, sure));
    }
}

#[test]
fn a_calibrated_network_exports_what_errors_it_expects() {
    let task = mobile_maps("ibug68", (64, 64), &[16; 2]);
    let model = built(&task);
    // spreads of 1 to 40 px whose errors bend three times
    let error = |spread: f64| 0.5 * spread + 0.02 * spread * spread;
    let pairs: Vec<(f64, f64)> = (0..400).map(|i| 1.0 + f64::from(i) / 10.0).map(|s| (s, error(s))).collect();
    let calibration = Calibration::fit(&pairs, "made up".into()).unwrap();
    let calibrated = Manifest { calibration: Some(calibration.clone()), ..manifest(&task) };
    let session = Session::new(network_to_onnx(&calibrated, model.as_ref(), &PLAIN).unwrap().bytes);
    assert_eq!(session.outputs(), ["points", "confidence", "sigma"]);
    let pixels = pixels((3, 64, 64));
    let output = model.forward(&views(&pixels, &task.view), Pass::Inference).unwrap();
    let spread = flat(&task.codec().unwrap().decode_with_spread(&output).unwrap().spread.unwrap());
    let want: Vec<f32> = spread.iter().map(|s| calibration.error(f64::from(*s)) as f32).collect();
    let [sigma] = session.run(bytes(&[3, 64, 64, 3], pixels), ["sigma"]);
    let (shape, got) = sigma.into_shape_vec::<f32, 2>().unwrap();
    assert_eq!(shape, [3, 68]);
    near("sigma", &got, &want, 2e-3);
}

#[test]
fn a_summed_map_is_exported_as_it_is_and_has_no_flip() {
    let mut task = maps(18, "ibug68", (64, 64), &[8; 3], false);
    let CodecConfig::Heatmap(config) = &mut task.codec else { unreachable!() };
    (config.target, config.decode) = (Target::Summed, Decode::Dark);
    let model = built(&task);
    let file = network_to_onnx(&manifest(&task), model.as_ref(), &PLAIN).unwrap();
    assert_eq!(file.signature, "image (B, 64, 64, 3) u8 -> map (B, 1, 16, 16)");
    let pixels = pixels((3, 64, 64));
    let output = model.forward(&views(&pixels, &task.view), Pass::Inference).unwrap();
    let want = flat(&task.codec().unwrap().maps(&output).unwrap().unwrap());
    let [map] = Session::new(file.bytes).run(bytes(&[3, 64, 64, 3], pixels), ["map"]);
    let (shape, got) = map.into_shape_vec::<f32, 4>().unwrap();
    assert_eq!(shape, [3, 1, 16, 16]);
    near("map", &got, &want, 1e-4);
    let refused = network_to_onnx(&manifest(&task), model.as_ref(), &OnnxOptions { flip: true, ..PLAIN });
    let e = refused.unwrap_err().to_string();
    assert_eq!(e, "flip: expected a network whose output names points, got a summed map");
}

#[test]
fn a_file_says_what_it_is() {
    let task = mobile_regression("imm58", 64);
    let say = |license: Option<&str>| {
        let options = OnnxOptions { license: license.map(str::to_owned), ..PLAIN };
        let file = network_to_onnx(&manifest(&task), built(&task).as_ref(), &options).unwrap();
        String::from_utf8_lossy(&file.bytes).into_owned()
    };
    let text = say(None);
    for part in
        ["name = \"imm58\"", "[12,11,10,", "{\"kind\":\"picture\"}", "[64,64]", "not stated; learned from: noise"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(say(Some("CC-BY-4.0")).contains("CC-BY-4.0"));
}
